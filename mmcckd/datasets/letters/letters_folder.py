"""The folder of a data set of drawings."""
import json
import os
import shutil
from pathlib import Path
from typing import NamedTuple, Union

import numpy as np
from PIL import Image

from mmcckd.files.atomic import check_writable
from mmcckd.files.json_text import parse_json

from .contact_sheet import draw_contact_sheet
from .fonts import hash_file

IMAGES, LABELS, FACTS = 'images.npy', 'labels.npy', 'letters.json'
SHEET = 'contact_sheet.png'
COMMAND = 'python tools/make_letters.py'


class LettersFolder(NamedTuple):
    """A data set of drawings.

    Attributes:
        images (np.ndarray): Drawings, (N, 32, 32), uint8.
        labels (np.ndarray): Class and face of each drawing, (N, 2), int32.
        facts (dict): Classes, faces, splits, and how the data were made.
    """
    images: np.ndarray
    labels: np.ndarray
    facts: dict

    def write(self, out: Path) -> None:
        """Write the folder completely or not at all.

        Args:
            out (Path): An empty or new folder.
        """
        # Not a name that check_writable() tries to write a file to.
        partial = out.with_name(f'.{out.name}.partial_folder')
        shutil.rmtree(partial, ignore_errors=True)  # of a killed process
        partial.mkdir()
        try:
            np.save(partial / IMAGES, self.images)
            np.save(partial / LABELS, self.labels)
            hashes = {n: hash_file(partial / n) for n in (IMAGES, LABELS)}
            facts = dict(self.facts, sha256=hashes)
            (partial / FACTS).write_text(
                json.dumps(facts, ensure_ascii=False, indent=1) + '\n',
                encoding='utf-8')
            Image.fromarray(draw_contact_sheet(*self)).save(partial / SHEET)
            if out.exists():
                out.rmdir()
            os.replace(partial, out)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    @classmethod
    def read(cls, root: Union[str, Path]) -> 'LettersFolder':
        """Read the folder; images stay on disk until they are used.

        Args:
            root (str | Path): The folder.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If a file is damaged.
        """
        root = Path(root)
        for name in (FACTS, IMAGES, LABELS):
            if not (root / name).is_file():
                raise FileNotFoundError(
                    f'There is no {root / name}. Make the data set with\n'
                    f'  {COMMAND} {root}')
        try:
            facts = parse_json((root / FACTS).read_text(encoding='utf-8'))
            _check_facts(facts)
            for name in (IMAGES, LABELS):
                if hash_file(root / name) != facts['sha256'][name]:
                    raise ValueError(f'{name} is not the file that was '
                                     f'written with {FACTS}')
            images = np.load(root / IMAGES, mmap_mode='r')
            labels = np.load(root / LABELS)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f'The data set in {root} is damaged: {error}. Delete the '
                f'folder, and make it again with\n  {COMMAND} {root}'
            ) from error
        return cls(images, labels, facts)


def _check_facts(facts: dict) -> None:
    """Check the facts that :class:`.Letters` uses."""
    names = facts['classes']
    if type(names) is not list or not all(
            type(name) is str for name in names):
        raise TypeError('classes is not a list of text')
    for kind, splits in (('classes_of', ('train', 'unseen', 'other')),
                         ('faces_of', ('train', 'val', 'test'))):
        for split in splits:
            numbers = facts[kind][split]
            if type(numbers) is not list or not all(
                    type(number) is int and number >= 0
                    for number in numbers):
                raise TypeError(f'{kind}: {split} is not a list of numbers')
            if kind == 'classes_of' and max(numbers, default=0) >= len(names):
                raise ValueError(f'{split} has a class without a name')


def check_out_folder(out: Union[str, Path]) -> Path:
    """Return a folder that is new or empty, and can be written.

    Raises:
        ValueError: If it is a file, not empty, or cannot be written.
    """
    out = Path(out).expanduser()
    if out.exists() and not out.is_dir():
        raise ValueError(f'{out} is a file; give a new folder.')
    if out.is_dir() and any(out.iterdir()):
        raise ValueError(f'The folder {out} is not empty; give a new folder, '
                         'or delete this one first.')
    out = Path(os.path.realpath(out))
    check_writable(out)
    return out
