"""Values of a GPU are checked one call later, without waiting."""
import copy
import pickle
from unittest import mock

import pytest
import torch

from mmcckd.functional.congruence import late_nan_check
from mmcckd.functional.late_check import LateCheck


class OnGPU:
    """A tensor on the CPU that says that it is on a GPU."""
    device = torch.device('cuda')

    def __init__(self, *values):
        self.values = torch.tensor(values)

    def detach(self):
        return self

    def to(self, device, non_blocking):
        assert device == 'cpu' and non_blocking
        return self.values


@pytest.fixture(autouse=True)
def stream():
    with mock.patch('torch.cuda.current_stream') as current_stream:
        yield current_stream.return_value


def check_positive(values):
    if not (values > 0).all():
        raise ValueError(f'got {values.tolist()}')


def test_values_of_the_cpu_are_checked_at_once():
    check = LateCheck(check_positive)
    check(torch.ones(2))
    with pytest.raises(ValueError, match=r'^got \[-1.0\]'):
        check(torch.tensor([-1.]))


def test_values_of_a_gpu_are_checked_at_the_next_call(stream):
    check = LateCheck(check_positive)
    check(OnGPU(1))
    check(OnGPU(-2, 3))
    copied = stream.record_event.return_value
    assert copied.synchronize.call_count == 1  # for the first values
    with pytest.raises(ValueError, match=r'^In the previous step: got \[-2'):
        check(OnGPU(4))
    check(OnGPU(5))
    assert copied.synchronize.call_count == 3


@pytest.mark.parametrize('copied', [
    copy.deepcopy, lambda check: pickle.loads(pickle.dumps(check))
])
def test_a_copy_has_nothing_to_check(copied):
    check = LateCheck(check_positive)
    check(OnGPU(-1))
    other = copied(check)
    other(OnGPU(1))
    with pytest.raises(ValueError, match='In the previous step'):
        check(OnGPU(1))


@pytest.mark.parametrize('sums, found', [
    # loss, sums of the rows of the student, of the teacher
    ([torch.nan, 1., torch.nan, 3., 4.], "the student's in 1 of 2 rows\\."),
    ([torch.nan, 1., 2., torch.nan, torch.nan],
     "the teacher's in 2 of 2 rows\\."),
    ([torch.nan, torch.inf, 2., torch.inf, 4.], 'neither side, but both are'),
])
def test_nan_names_the_side(sums, found):
    check = late_nan_check()
    check(OnGPU(1., 1., 2., 3., 4.))
    check(OnGPU(*sums))
    with pytest.raises(ValueError, match=f'previous step: NaN in .*{found}'):
        check(OnGPU(1., 1., 2., 3., 4.))
