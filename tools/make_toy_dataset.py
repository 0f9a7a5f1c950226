"""Make a small synthetic data set in the layout of a real one.

    python tools/make_toy_dataset.py imagenet data/toy_imagenet

A class is a pattern in two colors, or a person in certain clothes. The data
show whether a recipe runs and the network learns, without the real images.
"""
import argparse
from typing import Callable, NamedTuple

import mmcckd  # noqa: F401  (first, it makes the toolbox below importable)
from mmcckd.datasets.toy import (
    make_cifar100,
    make_cityscapes,
    make_coco,
    make_fashion_mnist,
    make_imagenet,
)
from mmcckd.reid.toy import make_market1501, make_msmt17

HALVED = 'training images per class; there are half as many for evaluation'
AVERAGE = ('average number of images per person; the numbers vary between a '
           'third and five thirds of it')
IMAGES = 'training images; there are half as many for evaluation'
PER_CLASS, IMAGES_OPTION = '--samples-per-class', '--num-images'


class ToyData(NamedTuple):
    """How a data set is made.

    Args:
        make (Callable): Called with the folder, a number of images, and the
            seed.
        option (str): The argument of the command line for the number.
        meaning (str): Of which images it is the number.
        number (int): Its default.
        layout (str): The files that are made.
    """
    make: Callable
    option: str
    meaning: str
    number: int
    layout: str


DATASETS = dict(
    imagenet=ToyData(
        make_imagenet, PER_CLASS, HALVED, 4,
        'folders {train,val}/n00000000 to n00000999 of JPEG images'),
    cifar100=ToyData(
        make_cifar100, PER_CLASS, HALVED, 20,
        'cifar-100-python/{train,test,meta}, pickles of 32 x 32 images'),
    fashion_mnist=ToyData(
        make_fashion_mnist, PER_CLASS, HALVED, 20,
        '{train,t10k}-{images-idx3,labels-idx1}-ubyte.gz, IDX files of 28 x '
        '28 gray images'),
    msmt17=ToyData(
        make_msmt17, PER_CLASS, AVERAGE, 12,
        'MSMT17_V1/{train,test}/0000 … of JPEG images, and '
        'MSMT17_V1/list_{train,val,query,gallery}.txt'),
    market1501=ToyData(
        make_market1501, PER_CLASS, AVERAGE, 12,
        'folders {bounding_box_train,query,bounding_box_test} of JPEG images'),
    coco=ToyData(
        make_coco, IMAGES_OPTION, IMAGES, 16,
        'folders {train2017,val2017} of JPEG images, and '
        'annotations/instances_{train2017,val2017}.json'),
    cityscapes=ToyData(
        make_cityscapes, IMAGES_OPTION, IMAGES, 16,
        'folders leftImg8bit/{train,val} of PNG images and gtFine/{train,val} '
        'of their labels'))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    subparsers = parser.add_subparsers(dest='dataset', required=True)
    for name, data in DATASETS.items():
        subparser = subparsers.add_parser(
            name, help=data.layout, description=f'Make {data.layout}.')
        subparser.add_argument('out', help='a new or empty folder')
        subparser.add_argument(
            data.option,
            dest='number',
            type=int,
            default=data.number,
            metavar='N',
            help=f'{data.meaning}; defaults to {data.number}')
        subparser.add_argument(
            '--seed',
            type=int,
            default=0,
            help='random seed; the same seed creates the same files; defaults '
            'to 0')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    sizes = DATASETS[args.dataset].make(args.out, args.number, args.seed)
    written = ', '.join(f'{n:,} images in {split}'
                        for split, n in sizes.items())
    print(f'Written to {args.out}: {written}')
    settings = {
        f'{split}_dataloader.dataset.data_root': args.out
        for split in ('train', 'val', 'test')
    }
    if args.dataset == 'coco':  # whose metric reads the annotations as well
        for split in ('val', 'test'):
            settings[f'{split}_evaluator.ann_file'] = (
                f'{args.out}/annotations/instances_val2017.json')
    if any(map(str.isspace, args.out)):  # --cfg-options would need quotes
        lines = '\n    '.join(map(assignment, settings, settings.values()))
        print("Train on it with a config of your own: _base_ = 'CONFIG'\n"
              f'    {lines}')
        return
    options = ' \\\n    '.join(
        f'{key}={value}' for key, value in settings.items())
    print('Train on it with: python tools/train.py CONFIG --cfg-options \\\n'
          f'    {options}')


def assignment(key: str, value: str) -> str:
    """Write a setting with a dotted key as a line of a config."""
    name, *inner = key.split('.')
    text = repr(value)
    for part in reversed(inner):
        text = f'dict({part}={text})'
    return f'{name} = {text}'


if __name__ == '__main__':
    main()
