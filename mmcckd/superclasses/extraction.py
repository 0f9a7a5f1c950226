"""One pass of the teacher over the training set."""
import logging
from contextlib import nullcontext
from functools import partial
from typing import Iterator, List, Optional, Sequence, Tuple

import torch
from mmengine.dist import (
    all_gather,
    all_reduce,
    broadcast_object_list,
    get_dist_info,
)
from mmengine.logging import print_log
from mmengine.model import BaseDataPreprocessor, BaseModel
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from mmcckd.datasets.wrappers import base_datasets
from mmcckd.models.find_module import find_module
from mmcckd.progress_bar import CoarseProgressBar

from .feature_file import FeatureFile
from .recorded_feature import select_feature

# If this many images are unreadable, the path is probably wrong.
MAX_UNREADABLE = 100


@torch.no_grad()
def extract_features(teacher: BaseModel,
                     preprocessor: BaseDataPreprocessor,
                     dataset: Dataset,
                     file: Optional[FeatureFile],
                     module: str = 'neck',
                     record_idx: int = 0,
                     data_idx: Optional[int] = None,
                     inputs: bool = False,
                     connectors: Sequence[dict] = (),
                     batch_size: int = 64,
                     num_workers: int = 0,
                     skip_unreadable: bool = False) -> None:
    """Write the L2-normalized features of a dataset into a file.

    Each rank computes its share of the batches, and rank 0 writes. A batch
    holds the same samples for any number of ranks and also when an interrupted
    run is continued, so the file is the same too. Rows that the file already
    has are not computed again; images that could not be read are tried again.

    Args:
        teacher (BaseModel): The teacher in eval mode, on its device.
        preprocessor (BaseDataPreprocessor): Its data preprocessor, on the same
            device.
        dataset (Dataset): The training set. Its pipeline must not be random.
        file (FeatureFile): The file for the features; None on ranks other
            than 0.
        module (str): Name of the module whose output is the feature, (n, d)
            or (n, c, h, w). Defaults to "neck".
        record_idx (int): Which of the module's calls to take, counted from 0
            as in MMRazor's recorders. Defaults to 0.
        data_idx (int, optional): Which output to take, if the module has
            several. Defaults to None, for a single output.
        inputs (bool): Whether the inputs of the module are the feature,
            instead of its output. Defaults to False.
        connectors (Sequence[dict]): Configs of connectors that reduce it to
            one feature for each image. Defaults to none.
        batch_size (int): Samples in a batch. Defaults to 64.
        num_workers (int): Processes of each rank that load images. Defaults
            to 0, the main process.
        skip_unreadable (bool): Whether images that cannot be read are left
            out. Defaults to False.

    Raises:
        OSError: If there is not enough space on the disk.
        ValueError: If the module does not exist or gives no features, a
            feature is NaN or infinite, or images cannot be read; the message
            counts and names them.
    """
    rank, _ = get_dist_info()
    with file.writing() if rank == 0 else nullcontext():
        failed = _extract(
            dataset, file, batch_size, num_workers, skip_unreadable,
            next(teacher.parameters()).device,
            partial(_features, teacher, preprocessor, module, record_idx,
                    data_idx, inputs, connectors))
    _report_unreadable(failed, dataset, skip_unreadable)


def _extract(dataset, file, batch_size, num_workers, skip_unreadable, device,
             features_of) -> List[int]:
    """Do the pass. Returns the rows of unreadable images on rank 0."""
    rank, world_size = get_dist_info()
    batches = [_pending_batches(file, batch_size) if rank == 0 else None]
    broadcast_object_list(batches)
    batches, = batches
    features = features_of(
        DataLoader(
            _ReadableOrNone(dataset),
            batch_sampler=batches[rank::world_size],
            num_workers=num_workers,
            collate_fn=list))
    bar = CoarseProgressBar(
        sum(map(len, batches))) if rank == 0 and batches else None
    width, failed = 0, []
    for step in range(0, len(batches), world_size):
        x, readable = next(features, (None, None))
        if not width:
            width = _agreed_width(x, device)
        shares = all_gather(_share(x, readable, batch_size, width, device))
        if rank > 0:
            continue
        for batch, rows in zip(batches[step:step + world_size], shares):
            rows = rows[:len(batch)].cpu().numpy()
            readable = rows[:, -1] > 0
            file.write(batch[0], rows[:, :-1], readable)
            failed.extend(row for row, ok in zip(batch, readable) if not ok)
            bar.update(len(batch))
        if len(failed) >= MAX_UNREADABLE and not skip_unreadable:
            break
    return failed


def _agreed_width(x: Optional[Tensor], device: torch.device) -> int:
    """The width of features on all ranks; 0 if no rank has any."""
    width = torch.tensor(0 if x is None else x.shape[1], device=device)
    all_reduce(width, 'max')
    return int(width)


def _share(x: Optional[Tensor], readable: Optional[Tensor], batch_size: int,
           width: int, device: torch.device) -> Tensor:
    """The batch of a rank, (batch_size, width + 1) on all ranks.

    The last column is 1 for images that could be read.
    """
    share = torch.zeros(batch_size, width + 1, device=device)
    if readable is not None:
        share[:len(readable), -1] = readable.to(device).float()
    if x is not None:
        _check_width(x, width)
        share[:len(readable), :-1][readable.to(device)] = x
    return share


def _check_width(x: Tensor, width: int) -> None:
    if x.shape[1] != width:
        raise ValueError(
            f'The teacher gives features of {x.shape[1]} and of {width} '
            'dimensions; choose a module whose output has a fixed width, or '
            'images of one size.')


def _pending_batches(file: FeatureFile, batch_size: int) -> List[range]:
    """Batches with rows that are missing or could not be read."""
    missing = {row // batch_size for row in file.unreadable}
    missing.update(row // batch_size
                   for row in range(file.rows_done, file.num_samples))
    return [
        range(i * batch_size, min((i + 1) * batch_size, file.num_samples))
        for i in sorted(missing)
    ]


class _ReadableOrNone(Dataset):
    """A dataset that gives None where a sample cannot be loaded."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        # MMEngine would put another random sample in the place of one whose
        # pipeline gives None.
        for base in base_datasets(dataset):
            base.max_refetch = 0

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, idx: int) -> Optional[dict]:
        try:
            return self.dataset[idx]
        except Exception:
            return None


def _features(teacher, preprocessor, module, record_idx, data_idx, inputs,
              connectors, loader) -> Iterator[Tuple[Optional[Tensor], Tensor]]:
    """Yield, for each batch, the features of readable samples and a mask."""
    recorded = []
    hook = find_module(teacher, module, 'teacher').register_forward_hook(
        lambda _, args, output: recorded.append(args if inputs else output))
    try:
        for samples in loader:
            readable = torch.tensor([s is not None for s in samples])
            samples = [s for s in samples if s is not None]
            if not samples:
                yield None, readable
                continue
            batch = preprocessor({
                key: [sample[key] for sample in samples]
                for key in samples[0]
            })
            recorded.clear()
            teacher(batch['inputs'], batch.get('data_samples'), mode='tensor')
            if len(recorded) <= record_idx:
                raise ValueError(
                    f'The teacher uses its module {module!r} {len(recorded)} '
                    f'times, but call no. {record_idx} is asked for; choose '
                    'another one.')
            x = select_feature(recorded[record_idx], data_idx,
                               connectors).float()
            if len(x) != len(samples):
                raise ValueError(
                    f'The teacher\'s module {module!r} gives {len(x)} rows '
                    f'for {len(samples)} images; choose one that gives a '
                    'feature for each image.')
            yield F.normalize(x), readable
    finally:
        hook.remove()


def _report_unreadable(unreadable: List[int], dataset: Dataset,
                       skip: bool) -> None:
    if not unreadable:
        return
    lines = [_why_unreadable(dataset, i) for i in unreadable[:10]]
    if len(unreadable) > len(lines):
        lines.append('…')
    text = (f'{len(unreadable)} of {len(dataset)} images cannot be read:\n  ' +
            '\n  '.join(lines))
    if len(unreadable) == len(dataset):
        raise ValueError(f'{text}\nCheck the paths of the dataset.')
    if not skip:
        raise ValueError(
            f'{text}\nRepair them and start again, which continues from here, '
            'or leave them out by --skip-unreadable.')
    print_log(f'Left out: {text}', logger='current', level=logging.WARNING)


def _why_unreadable(dataset: Dataset, idx: int) -> str:
    name = dataset.get_data_info(idx).get('img_path', f'sample {idx}')
    try:
        dataset[idx]
    except Exception as error:
        return f'{name}: {type(error).__name__}: {error}'.splitlines()[0]
    return f'{name}: now it can be read'
