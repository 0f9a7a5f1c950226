import os.path as osp
from typing import List, Sequence, Set

from mmengine.dataset import ConcatDataset
from mmengine.registry import DATASETS

from mmcckd.name_lists import first_names

from .reid_dataset import ReIDDataset


@DATASETS.register_module()
class JoinedReIDDataset(ConcatDataset):
    """Several training sets of person re-identification as one.

    A ``ConcatDataset`` whose persons and cameras are distinct: the labels of a
    data set follow those of the data set before, and ``camera_id`` does too.
    The number of classes of the head is the sum of the numbers of persons.
    ``metainfo['classes']`` has the type of the data set and the number of each
    person in it, such as "Market1501 0002".

    Test sets are not joined, since each has an evaluation protocol of its own.

    Example:
        >>> dataset = dict(
        ...     type='JoinedReIDDataset',
        ...     datasets=[
        ...         dict(
        ...             type='Market1501',
        ...             data_root='data/market1501',
        ...             pipeline=train_pipeline),
        ...         dict(
        ...             type='MSMT17',
        ...             data_root='data/msmt17',
        ...             pipeline=train_pipeline)
        ...     ])

    Args:
        datasets (Sequence[dict]): Configs of the training splits of data sets
            such as :class:`Market1501` and :class:`MSMT17`, each with its own
            pipeline.

    Raises:
        FileNotFoundError: If the data of one are missing; the message says of
            which.
        TypeError: If one is not the config of a :class:`ReIDDataset`.
        ValueError: If there are no data sets, one of them is not a training
            split, or two of them have images of the same persons.
    """

    def __init__(self, datasets: Sequence[dict]) -> None:
        if not datasets:
            raise ValueError('JoinedReIDDataset needs the config of at least '
                             'one data set, but datasets is empty.')
        parts: List[ReIDDataset] = []
        label = camera = 0
        for i, config in enumerate(datasets):
            part = _build(config, i)
            part.first_label, part.camera_offset = label, camera
            try:
                part.full_init()
            except FileNotFoundError as error:
                raise FileNotFoundError(
                    f'{error}\nThis is datasets[{i}] of JoinedReIDDataset, so '
                    'the option is '
                    f'train_dataloader.dataset.datasets.{i}.data_root=FOLDER.'
                ) from error
            label += len(part.metainfo['classes'])
            camera = 1 + max(
                part.get_data_info(j)['camera_id'] for j in range(len(part)))
            parts.append(part)
        _check_persons_differ(parts)
        super().__init__(parts, ignore_keys=['classes'])
        self._metainfo['classes'] = tuple(
            f'{type(part).__name__} {person}' for part in parts
            for person in part.metainfo['classes'])


def _build(config: dict, i: int) -> ReIDDataset:
    if not isinstance(config, dict):
        raise TypeError(
            f'datasets[{i}] of JoinedReIDDataset must be the config of a data '
            f'set, a dict, but is a {type(config).__name__}.')
    part = DATASETS.build(dict(config, lazy_init=True))
    if not isinstance(part, ReIDDataset):
        raise TypeError(
            f'datasets[{i}] of JoinedReIDDataset is a {type(part).__name__}, '
            'but must be a ReIDDataset, such as Market1501 or MSMT17.')
    if part.split != 'train':
        raise ValueError(
            f'datasets[{i}] of JoinedReIDDataset has split={part.split!r}, but'
            ' only training splits can be joined. Test with one data set at a '
            'time.')
    return part


def _check_persons_differ(parts: List[ReIDDataset]) -> None:
    """Check that no data set is there twice, which would give each of its
    persons two labels. Copies have the same file names."""
    names = [_file_names(part) for part in parts]
    for i, part in enumerate(parts):
        for j in range(i):
            same = names[i] & names[j]
            if same and type(part) is type(parts[j]):
                raise ValueError(
                    f'datasets[{j}] and datasets[{i}] of JoinedReIDDataset '
                    f'are both {type(part).__name__} and have {len(same):,} '
                    f'images of the same names ({first_names(sorted(same))}), '
                    'so each of their persons would have two labels. Remove '
                    'one of them.')


def _file_names(part: ReIDDataset) -> Set[str]:
    return {
        osp.basename(part.get_data_info(i)['img_path'])
        for i in range(len(part))
    }
