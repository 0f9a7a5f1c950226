from mmengine.dataset import BaseDataset

from mmcckd.datasets import Digits


def test_each_subset_has_settings_of_its_own():
    digits = Digits(pipeline=[dict(type='PackInputs')])
    one, other = digits.get_subset([0]), digits.get_subset([1])
    assert one.pipeline is not other.pipeline
    assert other[0]['data_samples'].gt_label == digits.get_gt_labels()[1]


def test_the_workaround_is_still_needed():
    """If this fails, compat/mmengine_subsets.py can be deleted."""
    copy = BaseDataset._copy_without_annotation.__wrapped__
    memo, = copy.__defaults__
    assert isinstance(memo, dict)  # shared by all calls
