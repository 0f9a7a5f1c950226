from pathlib import Path
from typing import Dict, Union

import numpy as np
from mmpretrain.datasets.categories import CIFAR100_CATEGORIES

from .out_folder import check_samples_per_class, make_out_folder
from .patterns import draw
from .python2_pickle import write_pickle

# The 20 superclasses and their classes, from the website of the data set.
SUPERCLASSES = {
    'aquatic_mammals': 'beaver dolphin otter seal whale',
    'fish': 'aquarium_fish flatfish ray shark trout',
    'flowers': 'orchid poppy rose sunflower tulip',
    'food_containers': 'bottle bowl can cup plate',
    'fruit_and_vegetables': 'apple mushroom orange pear sweet_pepper',
    'household_electrical_devices':
    'clock keyboard lamp telephone television',
    'household_furniture': 'bed chair couch table wardrobe',
    'insects': 'bee beetle butterfly caterpillar cockroach',
    'large_carnivores': 'bear leopard lion tiger wolf',
    'large_man-made_outdoor_things': 'bridge castle house road skyscraper',
    'large_natural_outdoor_scenes': 'cloud forest mountain plain sea',
    'large_omnivores_and_herbivores':
    'camel cattle chimpanzee elephant kangaroo',
    'medium_mammals': 'fox porcupine possum raccoon skunk',
    'non-insect_invertebrates': 'crab lobster snail spider worm',
    'people': 'baby boy girl man woman',
    'reptiles': 'crocodile dinosaur lizard snake turtle',
    'small_mammals': 'hamster mouse rabbit shrew squirrel',
    'trees': 'maple_tree oak_tree palm_tree pine_tree willow_tree',
    'vehicles_1': 'bicycle bus motorcycle pickup_truck train',
    'vehicles_2': 'lawn_mower rocket streetcar tank tractor',
}


def make_cifar100(out: Union[str, Path],
                  samples_per_class: int = 20,
                  seed: int = 0) -> Dict[str, int]:
    """Make a small data set with the files of CIFAR-100.

    ::

        out/cifar-100-python/{train,test,meta}

    The files are pickles in the format of Python 2, like the real ones. The
    classes of a superclass have the same pattern and the same dark color, but
    different bright colors.

    Args:
        out (str | Path): A new or empty folder.
        samples_per_class (int): Number of training images per class. There
            are half as many test images. Defaults to 20.
        seed (int): Random seed; the same seed creates the same files.
            Defaults to 0.

    Returns:
        Dict[str, int]: Number of images of each split.

    Raises:
        ValueError: If the folder is not empty, or ``samples_per_class`` is
            less than 1.
    """
    check_samples_per_class(samples_per_class)
    folder = make_out_folder(out) / 'cifar-100-python'
    folder.mkdir()
    per_class = dict(train=samples_per_class, test=-(-samples_per_class // 2))
    for i, (split, count) in enumerate(per_class.items()):
        rng = np.random.default_rng((seed, i))
        labels = rng.permutation(np.repeat(np.arange(100), count)).tolist()
        coarse, images = zip(*(_draw_class(label, rng) for label in labels))
        batch = {
            b'filenames': [
                f'{CIFAR100_CATEGORIES[label]}_s_{k:06d}.png'.encode()
                for k, label in enumerate(labels)
            ],
            b'batch_label': {
                'train': b'training batch 1 of 1',
                'test': b'testing batch 1 of 1'
            }[split],
            b'fine_labels': labels,
            b'coarse_labels': list(coarse),
            b'data': np.stack(images)
        }
        write_pickle(folder / split, batch)
    write_pickle(
        folder / 'meta', {
            b'fine_label_names': [c.encode() for c in CIFAR100_CATEGORIES],
            b'coarse_label_names': [name.encode() for name in SUPERCLASSES]
        })
    return {split: 100 * n for split, n in per_class.items()}


def _draw_class(label: int, rng: np.random.Generator) -> tuple:
    """Return the superclass of a class, and an image, uint8, (3072, )."""
    name = CIFAR100_CATEGORIES[label]
    for coarse, names in enumerate(map(str.split, SUPERCLASSES.values())):
        if name in names:
            half, pattern = divmod(coarse, 10)
            image = draw(pattern, 2 * names.index(name), 5 * half, 32, 32, rng)
            return coarse, image.transpose(2, 0, 1).reshape(-1)
