"""From fonts to a data set of drawings."""
from pathlib import Path
from typing import Dict, List, Sequence, Union

import numpy as np
import PIL
from PIL import features

from mmcckd.name_lists import first_names
from mmcckd.progress_bar import CoarseProgressBar

from .character_sets import read_characters
from .classes import form_classes
from .drawing import BOX, FONT_SIZE, SIZE, draw_characters
from .fonts import PACKAGES, Face, find_font_files, hash_file, read_faces
from .letters_folder import LettersFolder, check_out_folder
from .near_copies import drop_near_copies

# A face is used if it has this share of the characters.
MIN_SHARE = 0.4


def make_letters(out: Union[str, Path],
                 fonts: Sequence[str] = ('matplotlib', ),
                 characters: str = 'letters',
                 num_classes: int = 1000,
                 num_unseen: int = 150,
                 train_faces: int = 8,
                 test_faces: int = 6,
                 min_faces: int = 12,
                 seed: int = 0) -> dict:
    """Draw characters in typefaces, and write the folder of a data set.

    The same fonts and arguments give the same bytes, with the same versions
    of Pillow and FreeType.

    Args:
        out (str | Path): A new or empty folder.
        fonts (Sequence[str]): See :func:`find_font_files`. Defaults to those
            of matplotlib.
        characters (str): See :func:`read_characters`. Defaults to "letters".
        num_classes (int): Number of classes for recognition. Defaults to
            1,000.
        num_unseen (int): Number of other classes, for retrieval. Defaults to
            150.
        train_faces (int): Number of faces for training. Defaults to 8.
        test_faces (int): Number of faces for the test. Defaults to 6. All
            others, at least one, are for validation.
        min_faces (int): Classes that fewer faces have are left out. Defaults
            to 12.
        seed (int): Determines which classes and faces are in which split.
            Defaults to 0.

    Returns:
        dict: What ``letters.json`` contains, except for checksums.

    Raises:
        FileNotFoundError: If a font file or folder does not exist.
        ValueError: If a number is too small, the folder is not empty, or the
            fonts do not have enough faces or characters.
    """
    for name, value in dict(
            num_classes=num_classes,
            num_unseen=num_unseen,
            train_faces=train_faces,
            test_faces=test_faces,
            min_faces=min_faces).items():
        if value < 1:
            raise ValueError(f'{name} must be at least 1, but is {value}.')
    out = check_out_folder(out)
    files = find_font_files(fonts)
    faces, unreadable = read_faces(files)
    if not faces:
        raise ValueError(
            f'None of the {len(files)} font files can be read: '
            f'{first_names([f"{p.name} ({why})" for p, why in unreadable])}.')
    chosen = read_characters(characters, faces, min_faces)
    enough = MIN_SHARE * len(chosen)
    full = [face for face in faces if face.count(chosen) >= enough]
    distinct, copies = drop_near_copies(full, chosen)
    drawn_in = _draw_all(distinct, chosen)
    # Some fonts have glyphs for characters, but nothing is in them.
    used = [
        face for face, (images, _) in zip(distinct, drawn_in)
        if len(images) >= enough
    ]
    _check_faces(faces, full, used, chosen, train_faces + test_faces + 1)
    left_out = dict(
        unreadable_files=[path.name for path, _ in unreadable],
        faces_with_few_characters=len(faces) - len(full),
        near_copies=[f'{name} (of {other})' for name, other in copies],
        faces_with_empty_glyphs=len(distinct) - len(used))
    drawings, indices = zip(
        *(drawn for drawn in drawn_in if len(drawn[0]) >= enough))
    names, drawn, counts = form_classes(drawings, indices, chosen, min_faces)
    left_out.update(counts)
    if len(names) < num_classes + num_unseen:
        raise ValueError(
            f'{num_classes + num_unseen:,} classes are asked for, but of '
            f'{len(chosen):,} characters, {len(names):,} that do not look '
            f'alike are in at least {min_faces} of the {len(used)} faces; '
            'ask for fewer classes, or give more fonts or a smaller '
            'min_faces.')
    # NumPy guarantees the stream of a RandomState, not of a Generator.
    rng = np.random.RandomState(seed)
    labels = np.array(sorted(drawn), np.int32)
    facts = dict(
        # Not where the file was.
        characters=Path(characters).name,
        seed=seed,
        min_faces=min_faces,
        size=SIZE,
        box=BOX,
        font_size=FONT_SIZE,
        versions=dict(
            pillow=PIL.__version__, freetype=features.version('freetype2')),
        left_out=left_out,
        classes_of=_split(
            len(names), dict(train=num_classes, unseen=num_unseen), 'other',
            rng),
        faces_of=_split(
            len(used), dict(train=train_faces, test=test_faces), 'val',
            rng),
        faces=[
            dict(
                name=face.name,
                file=face.path.name,
                index=face.index,
                sha256=hash_file(face.path)) for face in used
        ],
        classes=names)
    images = np.stack([drawn[tuple(label)] for label in labels.tolist()])
    LettersFolder(images, labels, facts).write(out)
    return facts


def _draw_all(faces: List[Face], characters: List[str]) -> list:
    bar = CoarseProgressBar(len(faces))
    drawn = []
    for face in faces:
        drawn.append(draw_characters(face, characters))
        bar.update()
    return drawn


def _split(number: int, sizes: Dict[str, int], rest: str,
           rng: np.random.RandomState) -> Dict[str, List[int]]:
    """Split 0 … number - 1 at random; the order within a part is random."""
    order, parts = rng.permutation(number).tolist(), {}
    for name, size in sizes.items():
        parts[name], order = order[:size], order[size:]
    return {**parts, rest: order}


def _check_faces(faces: List[Face], full: List[Face], used: List[Face],
                 characters: List[str], needed: int) -> None:
    if len(used) >= needed:
        return
    counts = [face.count(characters) for face in faces]
    most = int(np.argmax(counts))
    raise ValueError(
        f'{needed} faces are needed for training, test and validation, but '
        f'there are {len(used)}: of {len(faces)} faces, {len(full)} have '
        f'at least {MIN_SHARE:.0%} of the {len(characters):,} characters '
        f'({faces[most].name} has the most, {counts[most]:,}), and '
        f'{len(full) - len(used)} of these are near copies of others or '
        'empty. Ask for fewer faces, or give more fonts. Debian packages with '
        f'many characters are, for instance, {PACKAGES}.')
