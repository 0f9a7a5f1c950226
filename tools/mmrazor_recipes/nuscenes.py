"""Toy data with the files that mmdet3d reads of nuScenes, for one camera."""
import pickle
from pathlib import Path
from typing import Union

import mmcv
import numpy as np

from mmcckd.datasets.toy.patterns import draw

CLASSES = ('car', 'truck', 'trailer', 'bus', 'construction_vehicle', 'bicycle',
           'motorcycle', 'pedestrian', 'traffic_cone', 'barrier')
HEIGHT, WIDTH, FOCAL_LENGTH = 96, 160, 128.0


def make_nuscenes(out: Union[str, Path], num_images: int) -> None:
    """Make images of boxes, and ``nuscenes_infos_train.pkl``.

    Args:
        out (str | Path): A new or empty folder.
        num_images (int): Number of images, in ``samples/CAM_FRONT``.
    """
    out = Path(out)
    rng = np.random.default_rng(0)
    cam2img = [[FOCAL_LENGTH, 0, WIDTH / 2], [0, FOCAL_LENGTH, HEIGHT / 2],
               [0, 0, 1]]
    data_list = []
    for i in range(num_images):
        image = rng.integers(30, 60, (HEIGHT, WIDTH, 3)).astype(np.uint8)
        boxes = [_add_box(image, rng) for _ in range(rng.integers(1, 4))]
        mmcv.imwrite(image, str(out / f'samples/CAM_FRONT/{i}.jpg'))
        data_list.append(
            dict(
                sample_idx=i,
                token=str(i),
                ego2global=np.eye(4).tolist(),
                images=dict(
                    CAM_FRONT=dict(img_path=f'{i}.jpg', cam2img=cam2img)),
                cam_instances=dict(CAM_FRONT=boxes)))
    categories = {name: label for label, name in enumerate(CLASSES)}
    content = dict(metainfo=dict(categories=categories), data_list=data_list)
    with open(out / 'nuscenes_infos_train.pkl', 'wb') as file:
        pickle.dump(content, file)


def _add_box(image: np.ndarray, rng: np.random.Generator) -> dict:
    """Draw a box in front of the camera, and return its annotation."""
    label = int(rng.integers(len(CLASSES)))
    depth = rng.uniform(8, 20)
    size = rng.uniform(2, 4, 3)
    center = np.array([rng.uniform(-3, 3), rng.uniform(-1, 1), depth])
    u, v = FOCAL_LENGTH * center[:2] / depth + (WIDTH / 2, HEIGHT / 2)
    w, h = FOCAL_LENGTH * size[:2] / depth
    left, top, right, bottom = np.clip(
        [u - w / 2, v - h / 2, u + w / 2, v + h / 2], 0,
        [WIDTH, HEIGHT, WIDTH, HEIGHT])
    part = image[int(top):int(bottom), int(left):int(right)]
    part[:] = draw(label, label, label, *part.shape[:2], rng)
    return dict(
        bbox=[left, top, right, bottom],
        bbox_label=label,
        bbox_3d=[*center, *size, rng.uniform(-3, 3)],
        bbox_label_3d=label,
        bbox_3d_isvalid=True,
        center_2d=[u, v],
        depth=depth,
        attr_label=int(rng.integers(9)),
        velocity=[0.0, 0.0])
