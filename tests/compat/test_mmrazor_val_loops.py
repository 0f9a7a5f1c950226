from types import SimpleNamespace

import pytest
from mmrazor.engine.runner import (
    SelfDistillValLoop,
    SingleTeacherDistillValLoop,
    SlimmableValLoop,
    SubnetValLoop,
)

POINTS = ['before_val', 'before_val_epoch', 'after_val_epoch', 'after_val']


class NoData(list):
    dataset = ()


@pytest.mark.parametrize('cls, names', [
    (SingleTeacherDistillValLoop, {'top1', 'teacher.top1'}),
    (SelfDistillValLoop, {'student.top1'}),
    (SlimmableValLoop, {'subnet_0.top1', 'subnet_1.top1'}),
    (SubnetValLoop, {'fix_subnet.top1'}),
])
def test_one_epoch_and_its_metrics(cls, names):
    seen = []
    model = SimpleNamespace(
        eval=lambda: None,
        mutator=SimpleNamespace(subnets=[{}, {}], set_choices=lambda _: None))
    loop = cls.__new__(cls)
    vars(loop).update(
        _runner=SimpleNamespace(
            call_hook=lambda name, **_: seen.append(name), model=model),
        dataloader=NoData(),
        evaluator=SimpleNamespace(evaluate=lambda size: dict(top1=50.)),
        evaluate_fixed_subnet=True,
        _evaluate_once=lambda: dict(top1=50.),
        _model=model)
    assert loop.run() == dict.fromkeys(names, 50.)
    assert seen == POINTS
    assert loop.run() == dict.fromkeys(names, 50.)  # and again the next time
    assert seen == 2 * POINTS
