"""Export the student of a distillation as a plain model of its package.

Writes OUT.pth, a checkpoint of the student alone, and its config OUT.py, for
mmpretrain.get_model('OUT.py', 'OUT.pth') and similar functions. With --onnx it
also writes OUT.onnx. If the ONNX file cannot be made, or gives other values
than torch, the two other files are still written, and the exit status is 1.
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
        help='also write OUT.onnx, from normalized images, in batches of any '
        'size, to logits, or to the feature of a re-ID student; it is '
        'compared with torch')
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace existing files')
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
