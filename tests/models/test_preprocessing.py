"""What a data preprocessor says must be what it does."""
import pytest
import torch
from mmengine.model import BaseDataPreprocessor, ImgDataPreprocessor
from mmpretrain.models import ClsDataPreprocessor, SelfSupDataPreprocessor
from torch import nn

from mmcckd.models.preprocessing import (
    Preprocessing,
    describe,
    expects_other,
    is_known,
    preprocessing_of,
)

MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]


class Scaling(ClsDataPreprocessor):
    """Its forward method also does what no attribute describes."""

    def forward(self, data, training=False):
        return super().forward(data, training)


class Network(nn.Module):

    def __init__(self, data_preprocessor):
        super().__init__()
        self.data_preprocessor = data_preprocessor


def test_preprocessing_is_what_is_done():
    """Of both classes, against a loop over the pixels."""
    image = torch.randint(0, 256, (3, 5, 7), dtype=torch.uint8)
    for preprocessor in (
            ClsDataPreprocessor(MEAN, STD, to_rgb=True, pad_size_divisor=4,
                                pad_value=2),
            ImgDataPreprocessor(MEAN, STD, bgr_to_rgb=True,
                                pad_size_divisor=4, pad_value=2)):
        said = preprocessing_of(preprocessor)
        made = preprocessor(dict(inputs=[image]))['inputs'][0]
        assert made.shape == (3, 8, 8) and said.padding == (4, 2)
        for c in range(3):
            for y in range(8):
                for x in range(8):
                    value = said.padding[1]
                    if y < 5 and x < 7:
                        value = image[2 - c if said.swaps else c, y, x].item()
                        value = (value - said.mean[c]) / said.std[c]
                    assert made[c, y, x].item() == pytest.approx(
                        value, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize('preprocessor, expected', [
    (BaseDataPreprocessor(), Preprocessing()),
    (ClsDataPreprocessor(num_classes=10), Preprocessing()),
    (ClsDataPreprocessor([78], [96]), Preprocessing((78, ), (96, ))),
    (ImgDataPreprocessor(rgb_to_bgr=True), Preprocessing(swaps=True)),
    (ImgDataPreprocessor(pad_size_divisor=32),
     Preprocessing(padding=(32, 0))),
])
def test_preprocessing_of(preprocessor, expected):
    assert preprocessing_of(preprocessor) == expected
    assert is_known(preprocessor)


def test_text():
    assert describe(
        ClsDataPreprocessor(MEAN, STD, to_rgb=True, pad_size_divisor=32)) == (
            'ClsDataPreprocessor, mean [123.675, 116.28, 103.53], '
            'std [58.395, 57.12, 57.375], red and blue swapped, '
            'padded with 0 to multiples of 32')
    assert describe(
        BaseDataPreprocessor()) == 'BaseDataPreprocessor, no normalization'


@pytest.mark.parametrize('own, run, expected', [
    # of another class, but the same
    (ClsDataPreprocessor(MEAN, STD, to_rgb=True),
     ImgDataPreprocessor(MEAN, STD, bgr_to_rgb=True), False),
    (ClsDataPreprocessor(MEAN, STD), ClsDataPreprocessor([0], [255]), True),
    (ClsDataPreprocessor(MEAN, STD), ClsDataPreprocessor(), True),
    # says nothing
    (ClsDataPreprocessor(num_classes=3), ClsDataPreprocessor([0], [9]), False),
    (BaseDataPreprocessor(), ClsDataPreprocessor([0], [9]), False),
    # mixes, which is not for a teacher
    (ClsDataPreprocessor([0], [9],
                         batch_augments=dict(
                             augments=dict(type='Mixup', alpha=1.))),
     ClsDataPreprocessor([0], [9]), False),
    # may do more
    (Scaling([0], [9]), Scaling([0], [9]), False),
    (Scaling([0], [9]), ClsDataPreprocessor([0], [9]), False),
    (Scaling([0], [9]), ClsDataPreprocessor([0], [8]), True),
    (SelfSupDataPreprocessor([0], [9]), Scaling([0], [8]), True),
    (nn.Identity(), ClsDataPreprocessor([0], [9]), True),
])
def test_expects_other(own, run, expected):
    assert expects_other(Network(own), run) is expected


def test_subclasses_are_not_known():
    assert not is_known(Scaling())
    assert not is_known(SelfSupDataPreprocessor())
