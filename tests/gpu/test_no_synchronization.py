"""A training step does not wait for the GPU.

PyTorch raises an error where the CPU waits for the GPU, also in the backward
pass and in hooks. Left out are MMEngine's own: copying the images, logging the
losses, and the loss scale of float16. The first epoch is left out, too, in
which the teacher is prepared and a teacher store is filled.
"""
from contextlib import contextmanager

import pytest
import torch
from mmengine.registry import LOOPS
from mmengine.runner import EpochBasedTrainLoop
from torch import nn

from mmcckd.engine import build_runner
from mmcckd.models import CorrelationCongruenceLoss
from mmcckd.reid import BatchHardTripletLoss

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU'),
]


@contextmanager
def waiting_is_an_error():
    torch.cuda.set_sync_debug_mode('error')
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode('default')


@LOOPS.register_module()
class LoopWithoutWaiting(EpochBasedTrainLoop):
    """Raises an error if a step of the second epoch waits for the GPU."""

    def run_iter(self, idx, data_batch):
        if self._epoch == 0:
            super().run_iter(idx, data_batch)
            return
        hooks = [
            hook for hook in self.runner.hooks
            if type(hook).__module__.startswith('mmcckd.')
        ]
        for hook in hooks:  # those of MMEngine load nothing here
            hook.before_train_iter(self.runner, idx, data_batch)
        model, optim_wrapper = self.runner.model, self.runner.optim_wrapper
        data = model.data_preprocessor(data_batch, True)
        with waiting_is_an_error():
            with optim_wrapper.optim_context(model):
                losses = model(**data, mode='loss')
            loss, log = model.parse_losses(losses)
            if hasattr(optim_wrapper, 'loss_scaler'):
                optim_wrapper.backward(optim_wrapper.scale_loss(loss))
            else:
                optim_wrapper.update_params(loss)
            for hook in hooks:
                hook.after_train_iter(self.runner, idx, data_batch, log)
        optim_wrapper.zero_grad()
        self.checked = True
        self._iter += 1


@pytest.mark.parametrize('precision', ['float32', 'float16'])
@pytest.mark.parametrize('kind', [
    'digits', 'stored teacher', 'ImageNet', 're-ID', 'vision transformer'
])
def test_a_step_does_not_wait(recipe, kind, precision):
    cfg = recipe(kind, precision)
    cfg.train_cfg = dict(type='LoopWithoutWaiting', max_epochs=2)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.optim_wrapper.pop('clip_grad', None)  # MMEngine logs the norm
    runner = build_runner(cfg)
    runner.train()
    assert runner.train_loop.checked


def test_nan_is_found_one_step_later():
    criterion = CorrelationCongruenceLoss()
    good = torch.rand(4, 4, device='cuda')
    bad = good.clone()
    bad[2, 1] = torch.nan
    with waiting_is_an_error():
        assert criterion(good, good) is not None
        criterion(good, bad)
    with pytest.raises(
            ValueError,
            match="In the previous step: NaN.*: the teacher's in 1 of 4 rows"):
        criterion(good, good)
    criterion(good, good)  # the good step that has raised was checked, too


def test_batch_without_a_triplet_is_found_one_step_later():
    criterion = BatchHardTripletLoss()
    features = nn.Parameter(torch.rand(4, 3, device='cuda'))
    labels = [torch.tensor(x, device='cuda')
              for x in ([0, 1, 2, 3], [5, 5, 5, 5], [0, 0, 1, 1])]
    with waiting_is_an_error():
        loss = criterion(features, labels[0])
        loss.backward()
    assert loss == 0
    assert not features.grad.any()
    for found, following in (('4 labels', 1), ('1 labels', 2)):
        with pytest.raises(ValueError, match=f'previous step.*of {found}'):
            criterion(features, labels[following])
    assert criterion(features, labels[2]) > 0
