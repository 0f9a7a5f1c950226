"""The superclass file: which superclass each sample of a dataset is in."""
import json
from dataclasses import dataclass
from pathlib import Path
from typing import List, Union

import numpy as np
from torch.utils.data import Dataset

from mmcckd.files.atomic import atomic_write
from mmcckd.files.json_text import parse_json
from mmcckd.files.npz import read_npz

from .fingerprint import fingerprint_dataset, sample_names
from .wrappers import unwrap

FORMAT_VERSION = 1
HOW_TO_MAKE = 'make one with tools/cluster_superclasses.py'


class _NewerFormatError(ValueError):
    pass


def _check_meta(meta: dict) -> None:
    version = meta['format_version']
    if type(version) is not int or version < 1 or not all(
            isinstance(meta['dataset'][name], str)
            for name in ('files', 'order')):
        raise TypeError(f'its meta is {str(meta)[:200]}.')


@dataclass
class Superclasses:
    """Superclasses of a dataset, as stored in a ``superclasses.npz``.

    The file holds three arrays: ``labels``, ``centroids`` and ``meta``, a JSON
    text. It is read without pickle.

    Attributes:
        labels (np.ndarray): The superclass of each sample in the order of the
            dataset, (N, ), int32, 0 to K − 1; −1 for images that could not be
            read, which samplers leave out.
        centroids (np.ndarray): Mean feature of each superclass, (K, d),
            float32.
        meta (dict): ``format_version``; ``dataset``, its fingerprint
            (:func:`.fingerprint_dataset`); ``teacher_sha256``, of the
            checkpoint; ``module``, whose output the features are;
            ``features``, the name of their job; ``num_superclasses``;
            ``algorithm``; ``seed``; ``inertia``; ``sizes``.
    """
    labels: np.ndarray
    centroids: np.ndarray
    meta: dict

    @property
    def sizes(self) -> np.ndarray:
        """Number of samples in each superclass, (K, )."""
        return np.bincount(
            self.labels[self.labels >= 0], minlength=len(self.centroids))

    def save(self, path: Union[str, Path]) -> None:
        """Write the file completely or not at all.

        Args:
            path (str | Path): The file; an existing one is replaced.
        """
        meta = dict(self.meta, format_version=FORMAT_VERSION)
        with atomic_write(path) as temporary:
            np.savez_compressed(
                temporary,
                labels=self.labels.astype(np.int32),
                centroids=self.centroids.astype(np.float32),
                meta=np.array(json.dumps(meta, sort_keys=True)))

    @classmethod
    def load(cls, path: Union[str, Path]) -> 'Superclasses':
        """Read a file.

        Raises:
            FileNotFoundError, PermissionError: If the file does not exist or
                may not be read.
            ValueError: If it is not a superclass file, is damaged, or has a
                newer format.
        """
        try:
            labels, centroids, text = read_npz(path,
                                               ['labels', 'centroids', 'meta'])
            meta = parse_json(str(text))
            version = meta['format_version']
            if type(version) is int and version > FORMAT_VERSION:
                raise _NewerFormatError(
                    f'The superclass file {path} has format {version}, but '
                    f'this mmcckd reads up to {FORMAT_VERSION}; update '
                    f'mmcckd, or {HOW_TO_MAKE}.')
            _check_meta(meta)
        except (PermissionError, _NewerFormatError):
            raise
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f'No superclass file at {path}; {HOW_TO_MAKE}.') from error
        except Exception as error:  # a damaged file can raise any error
            raise ValueError(
                f'{path} is not a superclass file, is damaged, or holds a '
                f'pickle, which is not read; {HOW_TO_MAKE}. Reading it ended '
                f'with {type(error).__name__}: {error}') from error
        if (labels.ndim != 1 or labels.dtype.kind != 'i'
                or centroids.ndim != 2 or centroids.dtype.kind != 'f'
                or len(labels) == 0
                or not -1 <= labels.min() <= labels.max() < len(centroids)):
            raise ValueError(
                f'{path} is not a superclass file: it has labels '
                f'{labels.dtype}{labels.shape} for centroids '
                f'{centroids.dtype}{centroids.shape}; {HOW_TO_MAKE}.')
        return cls(labels, centroids, meta)

    def of_samples(self, dataset: Dataset,
                   path: Union[str, Path]) -> np.ndarray:
        """Get the superclass of each sample of a data set.

        The file is for the data set that it was made of, and for wrappers of
        this data set that repeat, select or reorder its samples.

        Args:
            dataset (Dataset): As for :func:`.fingerprint_dataset`.
            path (str | Path): The file's name, for messages.

        Returns:
            np.ndarray: (N, ), int; see ``labels``.

        Raises:
            TypeError: If the data set does not give its images.
            ValueError: If these are not the superclasses of the data set, nor
                of a data set inside its wrappers: their length, images or
                their order differ, and the message says which; or of which
                data set they are is ambiguous.
        """
        fitting: List[Dataset] = []
        labels = self._of_samples(dataset, path, fitting, 'this ')
        if len(fitting) > 1 and len(
            {tuple(sample_names(part)) for part in fitting}) > 1:
            raise ValueError(
                f'The superclass file {path} fits {len(fitting)} data sets '
                f'inside {type(dataset).__name__}, whose images have the same '
                'names in different folders, so it is not known of which of '
                'them it was made. Cluster the training set of this config '
                'with tools/cluster_superclasses.py.')
        return labels

    def _of_samples(self, dataset: Dataset, path: Union[str, Path],
                    fitting: List[Dataset], tried: str) -> np.ndarray:
        """Look for the data set of the file in a data set and inside it.

        Args:
            fitting (List[Dataset]): Gets the data sets that were found.
            tried (str): Why data sets around this one do not fit.
        """
        wrong = self._what_differs(dataset)
        if not wrong:
            fitting.append(dataset)
            return self.labels
        tried += f'{type(dataset).__name__}: {wrong}'
        wrapped = unwrap(dataset)
        if wrapped is None:
            raise ValueError(
                f'The superclass file {path} is not of {tried}. Cluster this '
                'dataset with tools/cluster_superclasses.py, or train on the '
                'one that the file was made of.')
        return np.concatenate([
            self._of_samples(part, path, fitting,
                             f'{tried}; nor of the inner ')
            for part in wrapped.datasets
        ])[wrapped.indices]

    def _what_differs(self, dataset: Dataset) -> str:
        """Describe how a data set differs from that of the file, if it does.
        """
        if len(self.labels) != len(dataset):
            return (f'the file has {len(self.labels)} samples, the dataset '
                    f'{len(dataset)}')
        found, made_of = fingerprint_dataset(dataset), self.meta['dataset']
        if found['files'] != made_of['files']:
            return 'they have equally many samples, but of other images'
        if found['order'] != made_of['order']:
            return 'they have the same images, but in another order'
        return ''
