"""Draw batches of k samples from each of several distinct groups."""
from typing import Iterator, List, Optional

import numpy as np
from torch.utils.data import Sampler


class GroupUniformSampler(Sampler):
    """Batch sampler with k samples from each group in a batch.

    **Batches.** The batch of a rank contains ``batch_size / k`` distinct
    groups with exactly k samples each. If there are enough groups, no group
    occurs twice in the global batch of a step, over all ranks; otherwise, no
    group occurs twice in the batch of one rank.

    **Epochs.** For N samples in C groups, an epoch consists of
    ``R = ceil(N / (C k))`` rounds. A round visits every group once, in random
    order, and draws k of its samples, so every group is equally likely,
    regardless of its size. The last global batch is filled with groups of
    further rounds. If all groups have the same size, an epoch contains every
    sample. It exceeds N by at most ``C k`` samples and one global batch.

    **Samples of a group.** They are drawn without replacement until all
    samples have been drawn in the epoch, and then in a new order. If k does
    not divide the size of the group, the last draw is filled with other
    samples of the group. No sample occurs twice in a batch, unless its group
    has fewer than k samples; these are repeated.

    All ranks draw the same plan from ``(seed, epoch)`` and use their part of
    it. The sampler has its own random generator: the global random state is
    neither used nor changed, and a resumed run continues with the same batches
    as an uninterrupted run.

    Args:
        sampler (Sampler): Provides ``dataset``, ``seed``, ``epoch``, ``rank``
            and ``world_size``, as MMEngine's ``DefaultSampler`` does. Its
            order of the samples is not used. Set by the runner.
        batch_size (int): Number of samples per batch and rank, a multiple of
            k. Set by the runner.
        groups (np.ndarray): The group of each sample of the data set, of
            shape (N, ).
        samples_per_group (int): k ≥ 1.
        drawn (np.ndarray, optional): Mask of the samples to draw, bool of
            shape (N, ). Other samples are not counted in N above. Defaults to
            None, all samples.

    Attributes:
        num_groups (int): The number of groups that are drawn.

    Raises:
        TypeError: If ``sampler`` lacks one of the attributes, or a number is
            not an int.
        ValueError: If k < 1, ``batch_size`` is not a multiple of k, the
            lengths of ``groups`` and the data set differ, or there are fewer
            groups than a batch needs.
    """

    # Names of a group and of the argument for k in error messages.
    group_name = 'groups'
    k_name = 'samples_per_group'

    def __init__(self,
                 sampler: Sampler,
                 batch_size: int,
                 groups: np.ndarray,
                 samples_per_group: int,
                 drawn: Optional[np.ndarray] = None) -> None:
        self._check_sampler(sampler)
        k = samples_per_group
        self._check_positive(self.k_name, k)
        self._check_positive('batch_size', batch_size)
        if batch_size % k:
            below, above = batch_size // k * k, (batch_size // k + 1) * k
            raise ValueError(
                f'batch_size must be a multiple of {self.k_name}, but is '
                f'{batch_size} with {self.k_name}={k}; use '
                f'batch_size={f"{below} or {above}" if below else above}.')
        if len(groups) != len(sampler.dataset):
            raise ValueError(
                f'The dataset has {len(sampler.dataset)} samples, but '
                f'{len(groups)} of them have {self.group_name}; every sample '
                'needs one.')
        self.sampler = sampler
        self.batch_size = batch_size
        self.samples_per_group = k

        # The samples, sorted by group: the samples of group g are
        # members[start[g]:start[g] + size[g]].
        if drawn is None:
            drawn = np.ones(len(groups), dtype=bool)
        _, group_of, self._size = np.unique(
            groups[drawn], return_inverse=True, return_counts=True)
        self._members = np.flatnonzero(drawn)[np.argsort(
            group_of, kind='stable')]
        self._start = np.cumsum(self._size) - self._size

        self.num_groups = num_groups = len(self._size)
        self._groups_per_batch = batch_size // k
        if num_groups < self._groups_per_batch:
            raise ValueError(
                f'A batch of {batch_size} with {self.k_name}={k} needs '
                f'{self._groups_per_batch} {self.group_name}, but the dataset '
                f'has {num_groups}; lower batch_size to at most '
                f'{num_groups * k} or raise {self.k_name}.')

        self._groups_per_step = self._groups_per_batch * sampler.world_size
        rounds = -(-len(self._members) // (num_groups * k))
        self._num_steps = -(-rounds * num_groups // self._groups_per_step)

    def __len__(self) -> int:
        """Number of batches per epoch, the same for all ranks."""
        return self._num_steps

    def __iter__(self) -> Iterator[List[int]]:
        """Yield the batches of this rank as lists of sample indices.

        The k samples of a group are adjacent.
        """
        rng = np.random.default_rng((self.sampler.seed, self.sampler.epoch))
        groups = self._draw_groups(rng)
        samples = self._draw_samples(groups, rng)
        samples = samples.reshape(self._num_steps, self.sampler.world_size,
                                  self.batch_size)
        for batch in samples[:, self.sampler.rank]:
            yield batch.tolist()

    def _draw_groups(self, rng: np.random.Generator) -> np.ndarray:
        """Draw the groups of an epoch, round by round, distinct in a batch.

        A batch may contain the end of one round and the beginning of the
        next. The next round then begins with groups that are not yet in this
        batch.
        """
        num_groups = len(self._size)
        window = self._groups_per_step
        if num_groups < window:  # distinct within the batch of a rank only
            window = self._groups_per_batch
        total = self._num_steps * self._groups_per_step
        plan = np.empty(total + num_groups, dtype=np.int64)
        for begin in range(0, total, num_groups):
            order = rng.permutation(num_groups)
            # Number of groups in this batch from the previous round.
            begun = begin % window
            if begun:
                taken = np.zeros(num_groups, dtype=bool)
                taken[plan[begin - begun:begin]] = True
                fresh = np.flatnonzero(~taken[order])[:window - begun]
                order = np.concatenate([order[fresh], np.delete(order, fresh)])
            plan[begin:begin + num_groups] = order
        return plan[:total]

    def _draw_samples(self, groups: np.ndarray,
                      rng: np.random.Generator) -> np.ndarray:
        """Draw k samples for each group, of shape (len(groups) * k, )."""
        k, size = self.samples_per_group, self._size
        # The index of each visit among the visits of the same group.
        by_group = np.argsort(groups, kind='stable')
        visits = np.bincount(groups, minlength=len(size))
        visit = np.empty_like(groups)
        visit[by_group] = np.arange(len(groups)) - np.repeat(
            np.cumsum(visits) - visits, visits)

        # A cycle consists of the visits that draw all samples of a group.
        # Create a copy of the group's samples for each of its cycles, and
        # shuffle within each copy: sort by the index of the copy plus a
        # random fraction.
        visits_per_cycle = -(-size // k)
        cycles = -(-visits // visits_per_cycle)
        first_copy = np.cumsum(cycles) - cycles
        copy_size = np.repeat(size, cycles)
        copy_start = np.cumsum(copy_size) - copy_size
        copy = np.repeat(np.arange(len(copy_size)), copy_size)
        offset = np.arange(len(copy)) - copy_start[copy]
        laid_out = self._members[np.repeat(self._start, cycles)[copy] + offset]
        shuffled = laid_out[np.argsort(
            copy + rng.random(len(copy)), kind='stable')]

        # Visit v of a cycle takes k samples from position v k on. At the end
        # of the cycle, it is filled with the first samples of the cycle.
        position = visit % visits_per_cycle[groups] * k
        own_copy = first_copy[groups] + visit // visits_per_cycle[groups]
        index = (position[:, None] + np.arange(k)) % size[groups][:, None]
        return shuffled[copy_start[own_copy][:, None] + index].ravel()

    @staticmethod
    def _check_sampler(sampler) -> None:
        needed = ('dataset', 'seed', 'epoch', 'rank', 'world_size')
        lacking = [name for name in needed if not hasattr(sampler, name)]
        if lacking:
            raise TypeError(
                f'The sampler ({type(sampler).__name__}) has no '
                f'{", ".join(lacking)}; set the sampler of the data loader '
                "to dict(type='DefaultSampler', shuffle=True), also in a loop "
                'that counts iterations.')

    @staticmethod
    def _check_positive(name: str, value: int) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise TypeError(f'{name} must be an int, but is {value!r}.')
        if value < 1:
            raise ValueError(f'{name} must be at least 1, but is {value}.')
