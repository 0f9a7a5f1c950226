"""What students' features look like beside the teacher's."""
from pathlib import Path
from typing import Dict, Sequence, Tuple

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.figure import Figure
from scipy.linalg import orthogonal_procrustes

from mmcckd.functional import gaussian_rbf

from .figures import FONT, save

PER_CLASS = 8  # samples in a correlation matrix
PER_CLASS_IN_MAP = 25


def draw_correlations(features: Dict[str, Sequence[np.ndarray]],
                      labels: np.ndarray, out: Path) -> Tuple[Path, Path]:
    """Correlation matrices sorted by class, on one scale.

    Args:
        features (Dict[str, Sequence[np.ndarray]]): For each title the
            features of the test split of one network or several, (n, d). Of
            several the mean matrix is drawn. The first is the teacher.
        labels (np.ndarray): The n classes.
        out (Path): ``out.png`` and ``out.svg`` are written.
    """
    chosen = first_of_each_class(labels, PER_CLASS)
    classes = np.unique(labels)
    matrices = {
        title: np.mean([_correlate(f[chosen]) for f in networks], axis=0)
        for title, networks in features.items()
    }
    low = min(matrix.min() for matrix in matrices.values())
    figure = Figure((10, 3.8), layout='constrained')
    panels = figure.subplots(1, len(matrices), sharey=True)
    for axes, (title, matrix) in zip(panels, matrices.items()):
        image = axes.imshow(matrix, vmin=low, vmax=1, cmap='cividis')
        axes.set_title(title, fontsize=FONT)
        ticks = np.arange(len(classes)) * PER_CLASS + (PER_CLASS - 1) / 2
        axes.set_xticks(ticks, classes)
        axes.set_yticks(ticks, classes)
        axes.tick_params(length=0)
        axes.set_xlabel('digit', fontsize=FONT)
    panels[0].set_ylabel('digit', fontsize=FONT)
    figure.colorbar(
        image, ax=panels, shrink=0.8, label='correlation (Gaussian RBF)')
    return save(figure, out)


def draw_maps(features: Dict[str, np.ndarray], labels: np.ndarray,
              out: Path) -> Tuple[Path, Path]:
    """Two principal components of the features, on the same axes.

    Features are scaled to length 1, as the kernel does. Each network's map is
    rotated onto the first one's, the teacher's, which changes no distance.

    Args:
        features (Dict[str, np.ndarray]): By title, (n, d) each.
        labels (np.ndarray): The n classes, digits.
        out (Path): ``out.png`` and ``out.svg`` are written.
    """
    chosen = first_of_each_class(labels, PER_CLASS_IN_MAP)
    maps = [_principal_plane(f)[chosen] for f in features.values()]
    maps = [m @ orthogonal_procrustes(m, maps[0])[0] for m in maps]
    limit = 1.05 * max(np.abs(m).max() for m in maps)
    figure = Figure((10, 4.0), layout='compressed')
    panels = figure.subplots(1, len(maps), sharex=True, sharey=True)
    shades = colormaps['cividis'](np.linspace(0, 0.85, labels.max() + 1))
    for axes, title, points in zip(panels, features, maps):
        for (x, y), label in zip(points, labels[chosen]):
            axes.text(
                x, y, str(label), fontsize=8, ha='center', va='center',
                color=shades[label])
        axes.set(xlim=(-limit, limit), ylim=(-limit, limit), box_aspect=1)
        axes.set_title(title, fontsize=FONT)
        axes.set_xticks([])
        axes.set_yticks([])
    return save(figure, out)


def first_of_each_class(labels: np.ndarray, count: int) -> np.ndarray:
    """Indices of the first ``count`` samples of each class, by class."""
    return np.concatenate([
        np.flatnonzero(labels == label)[:count] for label in np.unique(labels)
    ])


def _correlate(features: np.ndarray) -> np.ndarray:
    return gaussian_rbf(torch.from_numpy(features), order=None).numpy()


def _principal_plane(features: np.ndarray) -> np.ndarray:
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    centred = unit - unit.mean(0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    return u[:, :2] * s[:2]
