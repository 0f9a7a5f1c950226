from mmengine.hooks import Hook
from mmengine.optim import AmpOptimWrapper
from mmengine.registry import HOOKS

SKIPPED = (
    'The last {count} updates of the weights were skipped, since gradients '
    'contained NaN or Inf in mixed precision, with a loss scale of {scale:g}. '
    'Use bfloat16 (optim_wrapper.dtype=bfloat16), lower '
    'optim_wrapper.loss_scale if it is a number, or train without --amp. If '
    'the losses are NaN as well, lower the learning rate or the weights of '
    'the losses.')


@HOOKS.register_module()
class SkippedUpdatesHook(Hook):
    """Stop a training whose updates are all skipped by the gradient scaler.

    With ``AmpOptimWrapper``, an update is skipped if a gradient contains NaN
    or Inf, and a dynamic scale of the loss is reduced. A few skipped updates
    are normal. If the scale is a number, or the gradients themselves are not
    finite, all updates are skipped, and the run would end with the weights
    with which it started.

    The command lines in ``tools/`` register the hook for every config. It does
    not wait for a GPU. It does nothing with other wrappers, with several
    optimizers, and with fused optimizers, which skip updates on the device.

    Args:
        limit (int): The number of successive skipped updates that stops the
            training. Defaults to 50; until then, a dynamic scale is reduced by
            a factor of 2⁵⁰. It is also an error if all updates of a shorter
            training were skipped.

    Raises:
        RuntimeError: In the iteration that reaches the limit, or at the end.
    """

    def __init__(self, limit: int = 50) -> None:
        self.limit = limit
        self._updates = self._seen = self._skipped = 0
        self._handle = None

    def before_train(self, runner) -> None:
        """Start to count the steps of the optimizer."""
        if isinstance(runner.optim_wrapper, AmpOptimWrapper):
            optimizer = runner.optim_wrapper.optimizer
            self._handle = optimizer.register_step_post_hook(self._count)

    def after_train_iter(self,
                         runner,
                         batch_idx: int,
                         data_batch=None,
                         outputs=None) -> None:
        """Raise an error if too many updates were skipped."""
        if self._handle is None or not runner.optim_wrapper.should_update():
            return
        self._skipped = 0 if self._updates > self._seen else self._skipped + 1
        self._seen = self._updates
        if self._skipped >= self.limit:
            self._raise(runner)

    def after_train(self, runner) -> None:
        """Raise an error if no update was done."""
        if self._handle is not None:
            self._handle.remove()
        if self._skipped and not self._updates:
            self._raise(runner)

    def _count(self, optimizer, args, kwargs) -> None:
        self._updates += 1

    def _raise(self, runner) -> None:
        raise RuntimeError(
            SKIPPED.format(
                count=self._skipped,
                scale=runner.optim_wrapper.loss_scaler.get_scale()))
