"""torch.compile in parts: heard, copied, pickled as any other network."""
import copy
import functools
import io

import pytest
import torch
from torch import nn

from mmcckd.models.algorithms.compiled_parts import compile_unrecorded_parts


class Network(nn.Module):

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.body(x))


@pytest.fixture(autouse=True)
def without_a_compiler(monkeypatch):
    """Capture graphs as always, but run them as they are, which is fast."""
    monkeypatch.setattr(
        torch, 'compile', functools.partial(torch.compile, backend='eager'))


def compiled_and_plain():
    torch.manual_seed(0)
    network = Network()
    plain = copy.deepcopy(network)
    compile_unrecorded_parts(network, {network.body[1]})
    return network, plain


def copied(network):
    return copy.deepcopy(network)


def pickled(network):
    file = io.BytesIO()
    torch.save(network, file)
    return torch.load(io.BytesIO(file.getvalue()), weights_only=False)


@torch.no_grad()
@pytest.mark.parametrize('again', [copied, pickled])
def test_a_copy_has_its_own_weights(again):
    network, plain = compiled_and_plain()
    x = torch.ones(2, 3)
    torch.testing.assert_close(network(x), plain(x))
    other = again(network)  # after it was compiled
    for each in (other, plain):
        each.head.weight.mul_(3)
        each.body[0].bias.add_(1)
    torch.testing.assert_close(other(x), plain(x))
    network.head.weight.zero_()  # and the other way round
    torch.testing.assert_close(other(x), plain(x))


def test_every_hook_is_heard():
    """Also one that came after the compilation."""
    network, _ = compiled_and_plain()
    heard = []
    for turn in range(2):
        for module in (network.body[1], network.head, network.body):
            module.register_forward_hook(
                lambda module, *_: heard.append(module))
        network(torch.ones(1, 3))
        assert len(heard) == 3 * (turn + 1)
        heard.clear()


def test_what_is_compiled():
    network, _ = compiled_and_plain()
    having = [name for name, module in network.named_modules()
              if 'forward' in vars(module)]
    assert having == ['body.0', 'body.1', 'head']
    before = network.head.forward
    compile_unrecorded_parts(network, set())
    assert network.head.forward is before
