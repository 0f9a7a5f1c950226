"""The checkouts that a benchmark compares."""
import argparse
from pathlib import Path
from typing import Dict, Tuple

ROOT = Path(__file__).parents[2]


def parse_checkouts(description: str) -> Tuple[Dict[str, Path], int]:
    """Parse ``--against PATH`` and ``--repetitions N``.

    Returns:
        Tuple[Dict[str, Path], int]: The roots of the checkouts, "this" and
        perhaps "other", and N.
    """
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--against', type=Path, help='another checkout')
    parser.add_argument('--repetitions', type=int, default=5)
    args = parser.parse_args()
    checkouts = dict(this=ROOT)
    if args.against is not None:
        checkouts['other'] = args.against.resolve()
    return checkouts, args.repetitions
