"""Draw characters in typefaces: a data set with many classes, offline.

    python tools/make_letters.py data/letters

draws letters and digits in the fonts that are part of matplotlib. With other
fonts, it draws, for instance, kanji; docs/letters.md shows how.
"""
import argparse
import logging
import sys
from collections import Counter

import mmcckd  # noqa: F401  (first, it makes the toolbox below importable)
from mmcckd.datasets.letters import make_letters
from mmcckd.name_lists import first_names


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out', help='a new or empty folder')
    parser.add_argument(
        '--fonts',
        nargs='+',
        default=['matplotlib'],
        metavar='PATH',
        help='font files, folders of fonts, "matplotlib" or "installed"; '
        'defaults to matplotlib')
    parser.add_argument(
        '--characters',
        default='letters',
        help='"letters", "jis-level-1" (2,965 kanji), or a text file of '
        'characters; defaults to letters')
    for name, default, meaning in (
        ('classes', 1000, 'number of classes for recognition'),
        ('unseen', 150, 'number of other classes, for retrieval'),
        ('faces-train', 8, 'number of typefaces for training'),
        ('faces-test', 6, 'number of typefaces for the test; all others, at '
         'least one, are for validation'),
        ('min-faces', 12, 'leave out classes that fewer typefaces have'),
        ('seed', 0, 'random seed of the splits')):
        parser.add_argument(
            f'--{name}',
            type=int,
            default=default,
            metavar='N',
            help=f'{meaning}; defaults to {default:,}')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    # fontTools warns of many harmless deviations.
    logging.getLogger('fontTools').setLevel(logging.CRITICAL)
    facts = make_letters(
        args.out,
        fonts=args.fonts,
        characters=args.characters,
        num_classes=args.classes,
        num_unseen=args.unseen,
        train_faces=args.faces_train,
        test_faces=args.faces_test,
        min_faces=args.min_faces,
        seed=args.seed)
    report(args.out, facts)


def report(out: str, facts: dict) -> None:
    for what in ('classes', 'faces'):
        sizes = ', '.join(f'{len(members):,} {split}'
                          for split, members in facts[f'{what}_of'].items())
        print(f'{what}: {len(facts[what]):,} ({sizes})')
    merged = Counter(map(len, facts['classes']))
    print('characters in a class: ' + ', '.join(
        f'{size} in {number:,}' for size, number in sorted(merged.items())))
    print('Left out:')
    for reason, what in facts['left_out'].items():
        names = [] if isinstance(what, int) else what
        number = what if isinstance(what, int) else len(what)
        print(f'  {reason.replace("_", " ")}: {number:,}' +
              (f': {first_names(names, 6)}' if names else ''))
    print(f'Written to {out}; look at {out}/contact_sheet.png.')


if __name__ == '__main__':
    try:
        main()
    except (OSError, ValueError) as error:
        sys.exit(f'make_letters: {type(error).__name__}: {error}')
