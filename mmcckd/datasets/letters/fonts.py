"""Font files and the faces in them."""
import hashlib
from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence, Tuple

EXTENSIONS = ('.ttf', '.otf', '.ttc', '.otc')
# For messages; docs/letters.md lists more.
PACKAGES = ('fonts-noto-cjk, fonts-ipaexfont-mincho, fonts-lxgw-wenkai and '
            'fonts-wqy-zenhei')


class Face(NamedTuple):
    """A typeface: one face of a font file.

    Attributes:
        path (Path): The font file.
        index (int): Index of the face in a font collection, otherwise 0.
        name (str): Full name, such as "DejaVu Sans Bold".
        glyphs (Dict[int, str]): Name of the glyph of each code point.
    """
    path: Path
    index: int
    name: str
    glyphs: Dict[int, str]

    def count(self, characters: Sequence[str]) -> int:
        """Return how many of the characters have glyphs of their own.

        A font that shows the same box for all characters has only one.
        """
        glyphs = {self.glyphs.get(ord(c), '.notdef') for c in characters}
        return len(glyphs - {'.notdef'})


def find_font_files(places: Sequence[str]) -> List[Path]:
    """Find font files.

    Args:
        places (Sequence[str]): Font files, folders that are searched with
            their subfolders, "matplotlib" for the fonts that are part of
            matplotlib, or "installed" for those of the system.

    Returns:
        List[Path]: The files, each once, sorted by name.

    Raises:
        FileNotFoundError: If a file or folder does not exist.
        ValueError: If there are no font files.
    """
    files = set()
    for place in places:
        if place == 'installed':
            from matplotlib.font_manager import findSystemFonts
            files.update(map(Path, findSystemFonts()))
            continue
        if place == 'matplotlib':
            from matplotlib import get_data_path
            place = Path(get_data_path(), 'fonts', 'ttf')
        path = Path(place).expanduser()
        if not path.exists():
            raise FileNotFoundError(
                f'There is no file or folder {place}. Fonts are read from '
                'files, folders, "matplotlib" or "installed".')
        files.update([path] if path.is_file() else (
            file for file in path.rglob('*')
            if file.suffix.lower() in EXTENSIONS and file.is_file()))
    if not files:
        raise ValueError(
            f'There are no font files ({", ".join(EXTENSIONS)}) in '
            f'{", ".join(map(str, places))}. Debian packages with fonts are, '
            f'for instance, {PACKAGES}.')
    return sorted(files, key=lambda file: (file.name, str(file)))


def read_faces(
        files: Sequence[Path]) -> Tuple[List[Face], List[Tuple[Path, str]]]:
    """Read names and characters of the faces of some font files.

    Args:
        files (Sequence[Path]): The font files.

    Returns:
        Tuple[List[Face], List[Tuple[Path, str]]]: The faces, and the files
        that cannot be read with the reason.
    """
    faces, unreadable = [], []
    for file in files:
        # Damaged fonts raise all kinds of errors.
        try:
            faces += _faces_of(file)
        except Exception as error:
            unreadable.append((file, f'{type(error).__name__}: {error}'))
    return faces, unreadable


def _faces_of(file: Path) -> List[Face]:
    # Imported here, since only making a data set needs it.
    from fontTools.ttLib import TTCollection, TTFont
    from PIL import ImageFont
    with open(file, 'rb') as opened:
        is_collection = opened.read(4) == b'ttcf'
    if is_collection:
        with TTCollection(file, lazy=True) as collection:
            number = len(collection.fonts)
    else:
        number = 1
    faces = []
    for index in range(number):
        ImageFont.truetype(str(file), 8, index=index)
        with TTFont(file, fontNumber=index, lazy=True) as font:
            faces.append(
                Face(file, index, font['name'].getDebugName(4) or file.stem,
                     font.getBestCmap() or {}))
    return faces


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
