"""What a student is used for, and so what its ONNX file gives."""
from dataclasses import dataclass
from typing import Callable

import torch
from mmpretrain.models import ImageToImageRetriever
from torch import Tensor, nn


@dataclass
class Output:
    """The output of a student that its predictions are made of.

    Args:
        name (str): ``'logits'`` or ``'feature'``.
        meaning (str): What its user does with it.
        network (nn.Module): From normalized images, (n, c, h, w), to the
            output, (n, classes) or (n, d).
    """
    name: str
    meaning: str
    network: nn.Module


def output_of(model: nn.Module, images: Tensor) -> Output:
    """Find out what a model's predictions are made of, by trying it.

    Where the model sets ``feature`` of its data samples, as ``ReIDHead``
    does, and for MMPretrain's ``ImageToImageRetriever``, it is the feature.
    For all others it is the logits, whose softmax or sigmoid must be the
    scores that are predicted; for the two logits of ``ConformerHead`` their
    sum, which is what it predicts from.

    Args:
        model (nn.Module): A model of MMPretrain's, in eval mode.
        images (Tensor): Normalized images, (n, c, h, w), to try it with.

    Raises:
        ValueError: If the predictions are made of something else.
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
    except Exception as error:  # whatever a model for another task says
        reason = f' ({type(error).__name__}: {error})'
    head = getattr(model, 'head', None)
    raise ValueError(
        f'The student, {type(model).__name__}' +
        ('' if head is None else f' with {type(head).__name__}') +
        ', predicts neither the softmax or sigmoid of the logits that it '
        f'gives, nor a feature for retrieval{reason}; ONNX is for these.')


class _Network(nn.Module):
    """A model with one way through it, as a tracer needs it."""

    def __init__(self, model: nn.Module,
                 way: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.model = model
        self.way = way
        self.train(model.training)  # the tracer leaves it in this mode

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
# The field of the data samples, how it comes from the output, the output,
# its meaning, and the way from images to the output.
PREDICTIONS = (
    ('feature', lambda feature: feature, 'feature', FEATURE, _before_logits),
    ('pred_score', lambda logits: logits.softmax(1), 'logits',
     'whose softmax is the scores', _logits),
    ('pred_score', torch.sigmoid, 'logits', 'whose sigmoid is the scores',
     _logits),
)
