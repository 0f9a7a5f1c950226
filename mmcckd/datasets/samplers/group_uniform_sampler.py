"""Batches of k samples from each of several distinct groups."""
from typing import Iterator, List, Optional

import numpy as np
from torch.utils.data import Sampler


class GroupUniformSampler(Sampler):
    """A batch sampler: every batch holds k samples of each of its groups.

    **A batch** of a rank holds ``batch_size / k`` distinct groups with exactly
    k samples each. No group stands twice in the global batch of a step, over
    all ranks, if there are groups enough for that; otherwise none stands
    twice in the batch of one rank.

    **An epoch** is ``R = ceil(N / (C k))`` rounds for N samples in C groups. A
    round visits every group once, in random order, and takes k of its samples,
    so every group is equally likely whatever its size; the last global batch
    is filled up from the rounds after. An epoch of equally large groups
    therefore shows every sample; it is at most ``C k`` samples, and a global
    batch, longer than N.

    **Within a group** samples are drawn without replacement until all were
    seen in the epoch, then from a new order. Where k does not divide the
    group's size, the last k that complete it are filled up with others of the
    group. No sample stands twice in a batch, except:

    **A group with fewer than k samples** repeats its own.

    All ranks draw the same plan from ``(seed, epoch)`` and take their share
    of it. The generator is the sampler's own: no global random state is used
    or changed, and a resumed run goes on with the batches that the undisturbed
    run would have had.

    Args:
        sampler (Sampler): Gives ``dataset``, ``seed``, ``epoch``, ``rank`` and
            ``world_size``, as MMEngine's ``DefaultSampler`` does; its order
            of the samples is not used. The runner fills it in.
        batch_size (int): Samples in a batch of one rank, a multiple of k. The
            runner fills it in.
        groups (np.ndarray): The group of each sample of the dataset, (N, ).
        samples_per_group (int): k ≥ 1.
        drawn (np.ndarray, optional): Which samples to draw, (N, ), bool; N
            above are then those alone. Defaults to all.

    Raises:
        TypeError: If ``sampler`` lacks one of the attributes, or a number is
            not an int.
        ValueError: If k < 1, ``batch_size`` is not a multiple of k, the
            lengths of ``groups`` and the dataset differ, or there are fewer
            groups than a batch needs.
    """

    # What messages call a group, and the argument that sets k.
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

        # The samples, group after group: those of group g are
        # members[start[g]:start[g] + size[g]].
        if drawn is None:
            drawn = np.ones(len(groups), dtype=bool)
        _, group_of, self._size = np.unique(
            groups[drawn], return_inverse=True, return_counts=True)
        self._members = np.flatnonzero(drawn)[np.argsort(
            group_of, kind='stable')]
        self._start = np.cumsum(self._size) - self._size

        num_groups = len(self._size)
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
        """Batches of a rank in an epoch, the same for all ranks."""
        return self._num_steps

    def __iter__(self) -> Iterator[List[int]]:
        """The batches of this rank, each a list of indices into the dataset,
        the k samples of a group side by side."""
        rng = np.random.default_rng((self.sampler.seed, self.sampler.epoch))
        groups = self._draw_groups(rng)
        samples = self._draw_samples(groups, rng)
        samples = samples.reshape(self._num_steps, self.sampler.world_size,
                                  self.batch_size)
        for batch in samples[:, self.sampler.rank]:
            yield batch.tolist()

    def _draw_groups(self, rng: np.random.Generator) -> np.ndarray:
        """The epoch's groups in order: rounds of all, distinct per batch.

        A batch may take the end of one round and the beginning of the next;
        the next then begins with groups that are not in that batch yet.
        """
        num_groups = len(self._size)
        window = self._groups_per_step
        if num_groups < window:  # not enough for the step: for each rank then
            window = self._groups_per_batch
        total = self._num_steps * self._groups_per_step
        plan = np.empty(total + num_groups, dtype=np.int64)
        for begin in range(0, total, num_groups):
            order = rng.permutation(num_groups)
            begun = begin % window  # groups of this batch from the last round
            if begun:
                taken = np.zeros(num_groups, dtype=bool)
                taken[plan[begin - begun:begin]] = True
                fresh = np.flatnonzero(~taken[order])[:window - begun]
                order = np.concatenate([order[fresh], np.delete(order, fresh)])
            plan[begin:begin + num_groups] = order
        return plan[:total]

    def _draw_samples(self, groups: np.ndarray,
                      rng: np.random.Generator) -> np.ndarray:
        """k samples for each group of the plan, (len(groups) * k, )."""
        k, size = self.samples_per_group, self._size
        # The how-manieth visit of its group is each of the plan?
        by_group = np.argsort(groups, kind='stable')
        visits = np.bincount(groups, minlength=len(size))
        visit = np.empty_like(groups)
        visit[by_group] = np.arange(len(groups)) - np.repeat(
            np.cumsum(visits) - visits, visits)

        # A cycle is as many visits as show all samples of a group. Lay out a
        # copy of the group's samples for each of its cycles, and shuffle
        # within each copy: sort by the copy's number plus a random fraction.
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

        # Visit v takes the k samples from position v k of its cycle on, going
        # around at the end, where the first of the cycle fill up.
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
                f'{", ".join(lacking)}; give the data loader '
                "sampler=dict(type='DefaultSampler', shuffle=True), also in a "
                'loop that counts iterations, which starts it again for each '
                'epoch.')

    @staticmethod
    def _check_positive(name: str, value: int) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise TypeError(f'{name} must be an int, but is {value!r}.')
        if value < 1:
            raise ValueError(f'{name} must be at least 1, but is {value}.')
