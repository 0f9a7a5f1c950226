"""Write the metafiles of configs/, with which MIM and MMEngine find configs.

    python tools/generate_metafiles.py

The metafile.yml of a folder lists its configs, and model-index.yml lists the
metafiles. The text above the line "Models:" of a metafile, such as the
collection with the paper, is written by hand and is kept.
"""
import argparse
import sys
from pathlib import Path
from typing import Dict

ROOT = Path(__file__).resolve().parent.parent


def generate(root: Path) -> Dict[Path, str]:
    """The content of each metafile and of the index, by path.

    Args:
        root (Path): The repository.
    """
    folders = sorted({
        path.parent for path in root.glob('configs/*/*.py')
        if path.parent.name != '_base_'
    })
    metafiles = [folder / 'metafile.yml' for folder in folders]
    index = ''.join(
        f'  - {path.relative_to(root).as_posix()}\n' for path in metafiles)
    return {
        root / 'model-index.yml': f'Import:\n{index}',
        **{path: _metafile(path, root) for path in metafiles}
    }


def _metafile(path: Path, root: Path) -> str:
    above = path.read_text(encoding='utf-8') if path.exists() else ''
    models = ''.join(f"""\
  - Name: {config.stem}
    In Collection: CCKD
    Config: {config.relative_to(root).as_posix()}
""" for config in sorted(path.parent.glob('*.py')))
    return above.partition('Models:\n')[0] + f'Models:\n{models}'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--check',
        action='store_true',
        help='write nothing; fail if a file is not up to date')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    stale = {
        path: text
        for path, text in generate(ROOT).items()
        if not path.exists() or path.read_text(encoding='utf-8') != text
    }
    names = ', '.join(path.relative_to(ROOT).as_posix() for path in stale)
    if not stale:
        print('The metafiles are up to date.')
    elif args.check:
        sys.exit(f'Out of date: {names}. Run: '
                 'python tools/generate_metafiles.py')
    else:
        for path, text in stale.items():
            path.write_text(text, encoding='utf-8')
        print(f'Written: {names}')


if __name__ == '__main__':
    main()
