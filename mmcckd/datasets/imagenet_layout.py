"""Check that the folders of ImageNet are as MMPretrain expects them."""
import os
import os.path as osp

from mmcckd.config_files.component_types import bare_type
from mmcckd.name_lists import first_names

NUM_CLASSES = 1000
KAGGLE_FOLDER = 'ILSVRC/Data/CLS-LOC'  # folder in Kaggle's archive
EXPECTED = '''Expected:
  {root}/
    {prefix}/
      n01440764/
        n01440764_10026.JPEG, …
      … (1,000 folders, one for each class)
or, with a text file that lists the images and their labels,
  {root}/
    {prefix}/
      n01440764_10026.JPEG, …
    meta/
      {split}.txt (lines like "n01440764_10026.JPEG 0")
Set the data_root of each data set, for example with --cfg-options \
train_dataloader.dataset.data_root=FOLDER, or make toy data with
  python tools/make_toy_dataset.py imagenet FOLDER'''


def check_imagenet_layout(dataset: dict) -> None:
    """Raise an error unless the folders of ImageNet match the config.

    The errors of MMPretrain only contain a path or a number, and missing
    images of an annotation file are found in the first iteration. This check
    runs before, and its error describes the expected layout. Class folders are
    counted, but the files in them are not listed; MMPretrain warns about empty
    folders.

    Other data sets and remote data sets are not checked.

    Args:
        dataset (dict): Config of a data set, or of a wrapper of data sets.

    Raises:
        ValueError: If the root or the folder of the split is missing, or the
            folder has neither 1,000 class folders nor the images of an
            annotation file.
    """
    for inner in (dataset.get('dataset'), *dataset.get('datasets', ())):
        if inner is not None:
            check_imagenet_layout(inner)
    root = dataset.get('data_root') or ''
    if bare_type(dataset) != 'ImageNet' or '://' in root:
        return
    prefix = dataset.get('data_prefix', '')
    if isinstance(prefix, dict):
        prefix = prefix.get('img_path', '')
    prefix = prefix or dataset.get('split', '')
    found = _what_is_wrong(dataset, root, osp.join(root, prefix))
    if found:
        expected = EXPECTED.format(
            root=root.rstrip('/') or '.',
            prefix=prefix or 'train',
            split=dataset.get('split') or 'train')
        raise ValueError(f'Cannot read ImageNet at data_root={root!r}: '
                         f'{found}.\n{expected}')


def _what_is_wrong(dataset: dict, root: str, folder: str) -> str:
    """Describe what was found instead of ImageNet; empty if all is right."""
    if root and not osp.isdir(root):
        return 'there is no such folder' + (
            ', and "~" is not expanded' if root.startswith('~') else '')
    if not osp.isdir(folder):
        inner = osp.join(root, KAGGLE_FOLDER)
        return (f'there is no folder {folder}, but {root or "."} has '
                f'{_inside(root or ".")}' +
                (f'; give data_root={inner}' if osp.isdir(inner) else ''))
    split, given = dataset.get('split'), dataset.get('ann_file')
    if split == 'test' or not dataset.get('with_label', True):
        return ''  # without labels, any images can be read
    annotations = osp.join(root, given or f'meta/{split}.txt')
    if given or (split and osp.exists(annotations)):
        return _what_is_wrong_with_images(folder, annotations)
    if 'classes' in {**dataset, **(dataset.get('metainfo') or {})}:
        return ''  # a subset; MMPretrain compares the number of folders
    folders = sorted(
        entry.name for entry in os.scandir(folder) if entry.is_dir())
    if len(folders) == NUM_CLASSES:
        return ''
    found = (f'{folder} has {len(folders):,} folders '
             f'({first_names(folders, 4)})')
    others = [name for name in folders if not name.startswith('n')]
    if others and len(folders) > NUM_CLASSES:
        found += f', among them {first_names(others, 4)}'
    if not folders:
        found = f'{folder} has no folders, but {_inside(folder)}'
    return found + (f', and there is no {annotations}' if split else '')


def _what_is_wrong_with_images(folder: str, annotations: str) -> str:
    if not osp.isfile(annotations):
        return f'there is no annotation file {annotations}'
    with open(annotations, errors='replace') as file:
        line = file.readline().strip()
    name, _, label = line.rpartition(' ')
    if not name or not label.isdigit():
        return f'the first line of {annotations} is {line!r}'
    if not osp.isfile(osp.join(folder, name)):
        return (f'{annotations} begins with {name}, which {folder} does not '
                'have')
    return ''


def _inside(folder: str) -> str:
    return first_names(sorted(os.listdir(folder)), 4) or 'nothing'
