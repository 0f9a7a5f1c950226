"""The output of a student's ONNX file: logits, or a feature."""
from dataclasses import dataclass
from typing import Callable

import torch
from mmpretrain.models import ImageToImageRetriever
from torch import Tensor, nn


@dataclass
class Output:
    """The output from which a student computes its predictions.

    Args:
        name (str): ``'logits'`` or ``'feature'``.
        meaning (str): How the output is used, for messages.
        network (nn.Module): Computes the output, (n, classes) or (n, d), of
            normalized images, (n, c, h, w).
    """
    name: str
    meaning: str
    network: nn.Module


def output_of(model: nn.Module, images: Tensor) -> Output:
    """Find the output from which a model computes its predictions.

    It is found by running the model. If the model sets ``feature`` of its data
    samples, as ``ReIDHead`` does, or is MMPretrain's
    ``ImageToImageRetriever``, the output is the feature. For other models it
    is the logits, whose softmax or sigmoid must equal the predicted scores.
    The two logits of ``ConformerHead`` are added, as for its predictions.

    Args:
        model (nn.Module): A model of MMPretrain, in eval mode.
        images (Tensor): Normalized images, (n, c, h, w), to run it with.

    Raises:
        ValueError: If the predictions are computed in another way.
    """
    if isinstance(model, ImageToImageRetriever):
        return Output('feature', FEATURE, _Network(model, _retrieved))
    reason = ''
    try:
        with torch.no_grad():
            samples = model(images, mode='predict')
            for field, predict, output, meaning, way in PREDICTIONS:
                if field not in samples[0]:
                    continue
                network = _Network(model, way)
                found = predict(network(images))
                expected = torch.stack([s.get(field) for s in samples])
                if found.shape == expected.shape and torch.allclose(
                        found, expected, rtol=1e-4, atol=1e-6):
                    return Output(output, meaning, network)
    except Exception as error:  # models for other tasks raise any error
        reason = f' ({type(error).__name__}: {error})'
    head = getattr(model, 'head', None)
    raise ValueError(
        f'The student, {type(model).__name__}' +
        ('' if head is None else f' with {type(head).__name__}') +
        ', predicts neither the softmax or sigmoid of its logits, nor a '
        f'feature for retrieval{reason}. Only such students can be exported '
        'as ONNX.')


class _Network(nn.Module):
    """A model whose ``forward`` is one function of images, for the tracer."""

    def __init__(self, model: nn.Module,
                 way: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.model = model
        self.way = way
        self.train(model.training)  # the tracer restores this mode

    def forward(self, images: Tensor) -> Tensor:
        return self.way(self.model, images)


def _logits(model: nn.Module, images: Tensor) -> Tensor:
    logits = model(images, mode='tensor')
    return sum(logits) if isinstance(logits, tuple) else logits


def _before_logits(model: nn.Module, images: Tensor) -> Tensor:
    return model.extract_feat(images, stage='pre_logits')


def _retrieved(model: nn.Module, images: Tensor) -> Tensor:
    feature = model.extract_feat(images)
    return feature[-1] if isinstance(feature, tuple) else feature


FEATURE = 'the feature for retrieval'
# Field of the data samples, function from the output to it, name of the
# output, its meaning, and function from images to the output.
PREDICTIONS = (
    ('feature', lambda feature: feature, 'feature', FEATURE, _before_logits),
    ('pred_score', lambda logits: logits.softmax(1), 'logits',
     'whose softmax is the scores', _logits),
    ('pred_score', torch.sigmoid, 'logits', 'whose sigmoid is the scores',
     _logits),
)
