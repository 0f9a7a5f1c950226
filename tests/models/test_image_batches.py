"""Batches of images, alone and in a dict as in mmdet3d."""
import pytest
import torch
from torch import nn

from mmcckd.models.algorithms.image_batches import device_of, first_image
from mmcckd.models.algorithms.prepared_teacher import prepare_teacher


class TeacherOfDicts(nn.Module):
    """As a detector of mmdet3d."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        return self.backbone(inputs['imgs'])


@pytest.mark.parametrize('wrap', [lambda x: x, lambda x: dict(imgs=x)])
def test_the_first_image(wrap):
    images = torch.arange(2 * 3 * 4 * 4.).reshape(2, 3, 4, 4)
    first = first_image(wrap(images))
    assert str(first) == str(wrap(images[:1]))
    assert device_of(wrap(images)) == torch.device('cpu')


@pytest.mark.parametrize('dtype', [None, 'bfloat16'])
def test_a_teacher_of_dicts_is_prepared(dtype):
    torch.manual_seed(0)
    teacher = TeacherOfDicts().eval()
    teacher.backbone[1].running_mean.normal_()
    images = dict(imgs=torch.randn(2, 3, 8, 8))
    with torch.no_grad():
        expected = teacher(images)
        preparation = prepare_teacher(teacher, images, [], dtype)
        prepared = teacher(images)
    assert len(preparation.folded) == 1
    atol = 1e-5 if dtype is None else 0.1
    torch.testing.assert_close(prepared.float(), expected, rtol=0, atol=atol)
