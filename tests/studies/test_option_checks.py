from pathlib import Path

import pytest

from mmcckd.studies import Row, Study
from mmcckd.studies.option_checks import check_options
from mmcckd.studies.rows import Teachers

ROOT = Path(__file__).parents[2]
CCKD = 'configs/cckd/r18w16_r10w6_digits.py'
TEACHER = 'configs/baseline/r18w16_digits.py'


def study(row, **kwargs):
    return Study('mine', 'T', 'Q?', Teachers(TEACHER), dict(CC=row), **kwargs)


def test_variables_and_keys():
    check_options(
        study(
            Row(CCKD, dict(beta=5.0), [dict(k=2), {
                'optim_wrapper.optimizer.lr': 0.1
            }]),
            options=dict(tau=2.0)), ROOT)


@pytest.mark.parametrize('row, options, message', [
    (Row(CCKD, dict(bta=5.0)), {}, "mine, row 'CC': bta=5.0 would change "
     'nothing: .* has no bta. Did you mean beta'),
    (Row(CCKD, {}, [dict(k=2), dict(lr=1)]), {}, "row 'CC': lr=1 .* "
     'optim_wrapper.optimizer.lr'),
    (Row(TEACHER), dict(beta=5.0), "row 'CC': beta=5.0 .* has no beta"),
])
def test_what_nothing_reads(row, options, message):
    with pytest.raises(ValueError, match=message):
        check_options(study(row, options=options), ROOT)


def test_of_the_teacher():
    wrong = Study('mine', 'T', 'Q?', Teachers(TEACHER, dict(beta=1.0)),
                  dict(CC=Row(CCKD)))
    with pytest.raises(ValueError, match='mine, the teacher: beta=1.0 would'):
        check_options(wrong, ROOT)
