"""Read what a test's own run has written."""
import torch


def read(path) -> dict:
    return torch.load(path, weights_only=False)


def weights(path) -> dict:
    return read(path)['state_dict']
