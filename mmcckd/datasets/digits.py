from typing import List, Optional

import numpy as np
from mmengine.registry import DATASETS
from mmpretrain.datasets import BaseDataset


@DATASETS.register_module()
class Digits(BaseDataset):
    """Handwritten digits that are included in scikit-learn.

    The data set has 1,797 digits from 13 people, 8 × 8 pixels each, with gray
    values from 0 to 16 (the test part of the UCI data set *Optical Recognition
    of Handwritten Digits*; see :func:`sklearn.datasets.load_digits`). Nothing
    is downloaded. Each sample has ``img``, uint8 of shape (8, 8) with values
    from 0 to 255, and ``gt_label``, 0 to 9, as in
    :class:`mmpretrain.datasets.MNIST`.

    The split is fixed and stratified: 40 % of each class are used for training
    (719 samples), 20 % for validation (359 samples), on which
    hyper-parameters are chosen, and 40 % for the test (719 samples).

    Args:
        split (str): "train", "val" or "test". Defaults to "train".
        samples_per_class (int, optional): Number of samples to use of each
            class. The selection is fixed, and a smaller selection is a subset
            of a larger one. Defaults to None, all samples.
        imbalance (float): Ratio of the number of samples of digit 0 to that
            of digit 9. The numbers for the digits between them decrease
            exponentially, as in the long-tailed versions of CIFAR (Cao et
            al., 2019). ``samples_per_class`` is then the number of samples of
            digit 0. Defaults to 1, balanced classes.
        **kwargs: ``pipeline``, ``test_mode`` and the other arguments of
            :class:`mmpretrain.datasets.BaseDataset`.

    Raises:
        TypeError: If ``samples_per_class`` is not an int, or ``imbalance`` is
            not a number.
        ValueError: If the split is unknown, a class of the split has fewer
            than ``samples_per_class`` samples, or a class would have no
            samples.
    """

    METAINFO = {'classes': tuple('0123456789')}
    SPLITS = {'train': (0.0, 0.4), 'val': (0.4, 0.6), 'test': (0.6, 1.0)}

    def __init__(self,
                 split: str = 'train',
                 samples_per_class: Optional[int] = None,
                 imbalance: float = 1,
                 **kwargs) -> None:
        if split not in self.SPLITS:
            raise ValueError(f'split must be one of {sorted(self.SPLITS)}, '
                             f'but is {split!r}.')
        if samples_per_class is not None and not isinstance(
                samples_per_class, int):
            raise TypeError('samples_per_class must be an int or None, but is '
                            f'{samples_per_class!r}.')
        if not isinstance(imbalance, (int, float)):
            raise TypeError(
                f'imbalance must be a number, but is {imbalance!r}.')
        if not imbalance >= 1 or (imbalance > 1 and
                                  (samples_per_class or 0) < imbalance):
            raise ValueError(
                'imbalance must be between 1 and samples_per_class='
                f'{samples_per_class}, so that digit 9 has a sample, but is '
                f'{imbalance!r}.')
        self.split = split
        self.samples_per_class = samples_per_class
        self.imbalance = imbalance
        kwargs.setdefault('ann_file', '')
        super().__init__(**kwargs)

    def load_data_list(self) -> List[dict]:
        """Return images and labels of the split, in scikit-learn's order."""
        # Imported here, since it takes as long as the rest of this package.
        from sklearn.datasets import load_digits
        digits = load_digits()
        begin, end = self.SPLITS[self.split]
        # NumPy guarantees the stream of a RandomState, not of a Generator.
        rng = np.random.RandomState(0)
        chosen = []
        for label in range(10):
            members = rng.permutation(np.flatnonzero(digits.target == label))
            members = members[round(begin * len(members)):round(end *
                                                                len(members))]
            limit = self.samples_per_class
            if limit is not None and not 1 <= limit <= len(members):
                raise ValueError(
                    f'samples_per_class must be between 1 and {len(members)}, '
                    f'the number of samples of digit {label} in the '
                    f'{self.split} split, but is {limit}.')
            if self.imbalance > 1:
                limit = round(limit * self.imbalance**(-label / 9))
            chosen.extend(members[:limit])
        images = np.round(digits.images * (255 / 16)).astype(np.uint8)
        return [
            dict(img=images[i], gt_label=int(digits.target[i]))
            for i in sorted(chosen)
        ]

    def extra_repr(self) -> List[str]:
        """Return additional lines for the string form of the data set."""
        return [f'Split: \t{self.split}']
