import json
from pathlib import Path
from typing import Dict, List, Union

import cv2
import mmcv
import numpy as np

from .out_folder import check_num_images, make_out_folder
from .patterns import draw

# The categories in the order of their ids.
SUPERCATEGORIES = {
    'person': 'person',
    'vehicle': 'bicycle,car,motorcycle,airplane,bus,train,truck,boat',
    'outdoor': 'traffic light,fire hydrant,stop sign,parking meter,bench',
    'animal': 'bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe',
    'accessory': 'backpack,umbrella,handbag,tie,suitcase',
    'sports': 'frisbee,skis,snowboard,sports ball,kite,baseball bat,'
    'baseball glove,skateboard,surfboard,tennis racket',
    'kitchen': 'bottle,wine glass,cup,fork,knife,spoon,bowl',
    'food': 'banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,'
    'cake',
    'furniture': 'chair,couch,potted plant,bed,dining table,toilet',
    'electronic': 'tv,laptop,mouse,remote,keyboard,cell phone',
    'appliance': 'microwave,oven,toaster,sink,refrigerator',
    'indoor': 'book,clock,vase,scissors,teddy bear,hair drier,toothbrush',
}
UNUSED_IDS = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 90]


def make_coco(out: Union[str, Path],
              num_images: int = 16,
              seed: int = 0) -> Dict[str, int]:
    """Make a small data set with the files of COCO 2017 for detection.

    ::

        out/{train2017,val2017}/000000000001.jpg, …
        out/annotations/instances_{train2017,val2017}.json

    An image has 128 to 160 × 96 to 128 pixels, a dark background, and one to
    four ellipses, which may overlap. A category is one of eight patterns in
    one of ten colors. The annotations have boxes, areas and polygons, and the
    80 categories have COCO's names and ids.

    Args:
        out (str | Path): A new or empty folder.
        num_images (int): Number of training images. There are half as many
            validation images. Defaults to 16.
        seed (int): Random seed; the same seed creates the same files.
            Defaults to 0.

    Returns:
        Dict[str, int]: Number of images of each split.

    Raises:
        ValueError: If the folder is not empty, or ``num_images`` is less than
            1.
    """
    check_num_images(num_images)
    out = make_out_folder(out)
    (out / 'annotations').mkdir()
    counts = dict(train2017=num_images, val2017=-(-num_images // 2))
    for i, (split, count) in enumerate(counts.items()):
        rng = np.random.default_rng((seed, i))
        images, annotations = [], []
        for k in range(count):
            image = _background(rng)
            objects = [
                _add_ellipse(image, rng) for _ in range(rng.integers(1, 5))
            ]
            image_id = i * num_images + k + 1
            name = f'{image_id:012d}.jpg'
            height, width = image.shape[:2]
            images.append(
                dict(
                    id=image_id, file_name=name, height=height, width=width))
            for found in objects:
                annotations.append(
                    dict(
                        id=len(annotations) + 1, image_id=image_id, **found))
            mmcv.imwrite(image[..., ::-1], str(out / split / name), QUALITY)
        content = dict(
            info=dict(description='Toy images in the layout of COCO 2017'),
            licenses=[],
            images=images,
            annotations=annotations,
            categories=categories())
        path = out / 'annotations' / f'instances_{split}.json'
        path.write_text(json.dumps(content))
    return counts


def categories() -> List[dict]:
    """Return COCO's 80 categories with their ids, 1 to 90."""
    names = [(group, name) for group, listed in SUPERCATEGORIES.items()
             for name in listed.split(',')]
    ids = [i for i in range(1, 91) if i not in UNUSED_IDS]
    return [
        dict(supercategory=group, id=i, name=name)
        for i, (group, name) in zip(ids, names)
    ]


def _background(rng: np.random.Generator) -> np.ndarray:
    """Return a dark image of a random size, RGB, uint8."""
    shape = (rng.integers(96, 129), rng.integers(128, 161), 1)
    gray = rng.uniform(20, 60, 3) + 6 * rng.standard_normal(shape)
    return np.clip(gray, 0, 255).astype(np.uint8)


def _add_ellipse(image: np.ndarray, rng: np.random.Generator) -> dict:
    """Draw an object of a random category, and return its annotation."""
    height, width = image.shape[:2]
    label = rng.integers(80)
    rx, ry = rng.integers(16, 33, 2)
    x, y = rng.integers(rx, width - rx), rng.integers(ry, height - ry)
    angles = np.arange(0, 2 * np.pi, np.pi / 12)
    polygon = np.stack([x + rx * np.cos(angles), y + ry * np.sin(angles)], 1)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.rint(polygon).astype(np.int32)], 1)
    pattern, hue = divmod(label, 10)
    texture = draw(pattern, hue, hue + 5, height, width, rng)
    image[mask > 0] = texture[mask > 0]
    return dict(
        category_id=categories()[label]['id'],
        iscrowd=0,
        bbox=[int(x - rx), int(y - ry), int(2 * rx), int(2 * ry)],
        area=float(cv2.contourArea(polygon.astype(np.float32))),
        segmentation=[polygon.round(2).reshape(-1).tolist()])
