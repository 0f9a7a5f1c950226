"""Make a small synthetic data set in the layout of a real one.

    python tools/make_toy_dataset.py imagenet data/toy_imagenet

A class is a pattern in two colors, or a person in certain clothes. The data
show whether a recipe runs and the network learns, without the real images.
"""
import argparse

import mmcckd  # noqa: F401  (first, it makes the toolbox below importable)
from mmcckd.datasets.toy import (
    make_cifar100,
    make_fashion_mnist,
    make_imagenet,
)
from mmcckd.reid.toy import make_market1501, make_msmt17

HALVED = 'training images per class; there are half as many for evaluation'
AVERAGE = ('average number of images per person; the numbers vary between a '
           'third and five thirds of it')
# name -> (function, meaning of the number of samples, its default,
#          description)
DATASETS = dict(
    imagenet=(make_imagenet, HALVED, 4,
              'folders {train,val}/n00000000 to n00000999 of JPEG images'),
    cifar100=(make_cifar100, HALVED, 20,
              'cifar-100-python/{train,test,meta}, pickles of 32 x 32 images'),
    fashion_mnist=(make_fashion_mnist, HALVED, 20,
                   '{train,t10k}-{images-idx3,labels-idx1}-ubyte.gz, IDX '
                   'files of 28 x 28 gray images'),
    msmt17=(make_msmt17, AVERAGE, 12,
            'MSMT17_V1/{train,test}/0000 … of JPEG images, and '
            'MSMT17_V1/list_{train,val,query,gallery}.txt'),
    market1501=(make_market1501, AVERAGE, 12,
                'folders {bounding_box_train,query,bounding_box_test} of JPEG '
                'images'))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    subparsers = parser.add_subparsers(dest='dataset', required=True)
    for name, (_, meaning, samples, layout) in DATASETS.items():
        subparser = subparsers.add_parser(
            name, help=layout, description=f'Make {layout}.')
        subparser.add_argument('out', help='a new or empty folder')
        subparser.add_argument(
            '--samples-per-class',
            type=int,
            default=samples,
            metavar='N',
            help=f'{meaning}; defaults to {samples}')
        subparser.add_argument(
            '--seed',
            type=int,
            default=0,
            help='random seed; the same seed creates the same files; defaults '
            'to 0')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    make, *_ = DATASETS[args.dataset]
    sizes = make(args.out, args.samples_per_class, args.seed)
    written = ', '.join(f'{n:,} images in {split}'
                        for split, n in sizes.items())
    print(f'Written to {args.out}: {written}')
    loaders = [f'{name}_dataloader' for name in ('train', 'val', 'test')]
    if any(map(str.isspace, args.out)):  # --cfg-options would need quotes
        lines = '\n    '.join(
            f'{loader} = dict(dataset=dict(data_root={args.out!r}))'
            for loader in loaders)
        print("Train on it with a config of your own: _base_ = 'CONFIG'\n"
              f'    {lines}')
        return
    options = ' \\\n    '.join(
        f'{loader}.dataset.data_root={args.out}' for loader in loaders)
    print('Train on it with: python tools/train.py CONFIG --cfg-options \\\n'
          f'    {options}')


if __name__ == '__main__':
    main()
