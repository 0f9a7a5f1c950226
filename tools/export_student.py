"""Make a plain MMPretrain model of the student of a distillation.

Writes OUT.pth, a checkpoint of the student alone, and beside it OUT.py, its
config, for mmpretrain.get_model('OUT.py', 'OUT.pth') and the like. With
--onnx also OUT.onnx; where that cannot be done, or gives something else than
torch, the two others are written all the same, and the exit status is 1.
"""
import argparse
import sys

import mmcckd  # noqa: F401  (first, it makes the toolbox below importable)
from mmcckd.export import OutputFiles, check_onnx_is_installed, load_student


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('checkpoint', help='checkpoint of a distillation')
    parser.add_argument('out', help='the file to write, named *.pth')
    parser.add_argument(
        '--config',
        help='config of the run, a file or package::path; defaults to the one '
        'in the checkpoint')
    parser.add_argument(
        '--onnx',
        action='store_true',
        help='also write OUT.onnx: normalized images in, in batches of any '
        'size, logits out, or the feature of a re-ID student; compared with '
        'torch')
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace files that are there')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if args.onnx:
        check_onnx_is_installed()
    inputs = [args.checkpoint]
    if args.config is not None:
        inputs.append(args.config)
    files = OutputFiles(args.out, args.onnx, args.overwrite, inputs)
    student = load_student(args.checkpoint, args.config)
    size = sum(weights.numel() for weights in student.model.parameters())
    print(f'Student: {size:,} parameters' +
          (', averaged by EMAHook' if student.averaged else ''))
    written = files.write(student)
    print('\n'.join(['Written:', *map(str, written)]))


if __name__ == '__main__':
    try:
        main()
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f'export_student: {type(error).__name__}: {error}')
