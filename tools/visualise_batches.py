"""Draw the first training batch of configs, to compare their samplers.

    python tools/visualise_batches.py CONFIG [CONFIG ...] --out batches.png

For a class- or superclass-uniform sampler, each column is one group. A uniform
random batch is sorted by class. The number below an image is its class.
"""
import argparse
from pathlib import Path

import matplotlib
import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

import mmcckd  # noqa: F401  (first, it makes the toolbox below importable)
from mmcckd.datasets.sample_image import load_image
from mmcckd.datasets.samplers import GroupUniformSampler
from mmcckd.datasets.samplers.cur_sampler import get_labels
from mmcckd.visualization.drawable_text import drawable

ROWS_OF_RANDOM = 4


def draw_batch(panel, path: str) -> None:
    cfg = Config.fromfile(path)
    init_default_scope(cfg.get('default_scope', 'mmpretrain'))
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    sampler, dataset = loader.batch_sampler, loader.dataset
    labels = get_labels(dataset)
    batch = np.array(next(iter(sampler)))
    if isinstance(sampler, GroupUniformSampler):
        rows = sampler.samples_per_group
        name = (f'{type(sampler).__name__}, {len(batch) // rows} '
                f'{sampler.group_name}, {rows} samples each')
    else:
        rows = ROWS_OF_RANDOM
        batch = batch[np.argsort(labels[batch], kind='stable')]
        counts = np.bincount(labels[batch], minlength=labels.max() + 1)
        name = (f'uniform random, {counts.min()} to {counts.max()} samples '
                'per class')
    panel.suptitle(
        drawable(f'{name}    ({Path(path).stem})'), fontsize=11)
    columns = -(-len(batch) // rows)
    cells = panel.subplots(rows, columns, squeeze=False)
    for ax in cells.ravel():
        ax.axis('off')
    for ax, idx in zip(cells.T.ravel(), batch):
        ax.imshow(load_image(dataset, idx), cmap='gray')
        ax.text(
            0.5,
            -0.02,
            labels[idx],
            transform=ax.transAxes,
            ha='center',
            va='top',
            fontsize=8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', nargs='+', help='config files')
    parser.add_argument('--out', required=True, help='the output image, .png')
    args = parser.parse_args()
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    height = 3.4
    figure = plt.figure(
        figsize=(8, height * len(args.config)), layout='constrained')
    panels = figure.subfigures(len(args.config), 1, squeeze=False)[:, 0]
    for panel, path in zip(panels, args.config):
        draw_batch(panel, path)
    figure.savefig(args.out, dpi=110)


if __name__ == '__main__':
    main()
