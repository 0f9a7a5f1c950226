"""Whether ImageNet is on disk as MMPretrain reads it."""
import os
import os.path as osp

from mmcckd.name_lists import first_names

NUM_CLASSES = 1000
KAGGLE_FOLDER = 'ILSVRC/Data/CLS-LOC'  # where the archive there has it
EXPECTED = '''Expected:
  {root}/
    {prefix}/
      n01440764/
        n01440764_10026.JPEG, …
      … (1,000 folders, one for each class)
or, with a text file of the names and labels of the images,
  {root}/
    {prefix}/
      n01440764_10026.JPEG, …
    meta/
      {split}.txt (lines like "n01440764_10026.JPEG 0")
Set the data_root of each data set, as by --cfg-options \
train_dataloader.dataset.data_root=FOLDER, or make toy data by
  python tools/make_toy_dataset.py imagenet FOLDER'''


def check_imagenet_layout(dataset: dict) -> None:
    """Raise unless the folders of an ImageNet are where its config says.

    MMPretrain's own errors name a path or a number; that images of an
    annotation file do not exist is found by the first iteration. These errors
    come before, and say what was expected. Class folders are counted, the
    files in them are not listed: of an empty folder MMPretrain warns.

    Other data sets are not looked at, nor are remote ones.

    Args:
        dataset (dict): Config of a data set, or of a wrapper around some.

    Raises:
        ValueError: If the root or the split's folder is missing, or it has
            neither 1,000 class folders nor the images of an annotation file.
    """
    for inner in (dataset.get('dataset'), *dataset.get('datasets', ())):
        if inner is not None:
            check_imagenet_layout(inner)
    root = dataset.get('data_root') or ''
    is_imagenet = dataset.get('type') in ('ImageNet', 'mmpretrain.ImageNet')
    if not is_imagenet or '://' in root:
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
        raise ValueError(f'No ImageNet that can be read at data_root={root!r}:'
                         f' {found}.\n{expected}')


def _what_is_wrong(dataset: dict, root: str, folder: str) -> str:
    """What was found in place of an ImageNet; nothing if it is one."""
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
        return ''  # without labels any images will do
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
