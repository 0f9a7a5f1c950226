"""Figures of the features of students and teachers."""
from functools import partial
from pathlib import Path
from typing import Callable, Dict, Sequence, Tuple

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.figure import Figure
from scipy.linalg import orthogonal_procrustes
from torch import Tensor

from mmcckd.functional import gaussian_rbf

from .figure_style import FONT, save

PER_CLASS = 8  # samples in a correlation matrix
PER_CLASS_IN_MAP = 25


def correlation_matrix(
    features: np.ndarray,
    labels: np.ndarray,
    kernel: Callable[[Tensor], Tensor] = partial(gaussian_rbf, order=None)
) -> np.ndarray:
    """Correlations of the first 8 samples of each class, sorted by class.

    Args:
        features (np.ndarray): Features of one network, (n, d).
        labels (np.ndarray): Classes, (n, ).
        kernel (Callable): Features to correlations. Defaults to the exact
            Gaussian RBF.

    Returns:
        np.ndarray: For c classes, (8 c, 8 c).
    """
    chosen = first_of_each_class(labels, PER_CLASS)
    return kernel(torch.from_numpy(features[chosen])).numpy()


def draw_correlations(matrices: Dict[str, np.ndarray],
                      out: Path,
                      names: Sequence[str] = '0123456789',
                      label: str = 'digit') -> Tuple[Path, Path]:
    """Draw correlation matrices side by side, on the same scale.

    Args:
        matrices (Dict[str, np.ndarray]): By title, with the same number of
            samples of each class; see :func:`correlation_matrix`.
        out (Path): ``out.png`` and ``out.svg`` are written.
        names (Sequence[str]): The c classes. Defaults to the digits.
        label (str): What a class is. Defaults to "digit".
    """
    low = min(matrix.min() for matrix in matrices.values())
    figure = Figure((1 + 3 * len(matrices), 3.8), layout='constrained')
    panels = figure.subplots(1, len(matrices), sharey=True)
    for axes, (title, matrix) in zip(panels, matrices.items()):
        image = axes.imshow(matrix, vmin=low, vmax=1, cmap='cividis')
        axes.set_title(title, fontsize=FONT)
        per_class = len(matrix) / len(names)
        ticks = (np.arange(len(names)) + 0.5) * per_class - 0.5
        axes.set_xticks(ticks, names)
        axes.set_yticks(ticks, names)
        axes.tick_params(length=0)
        axes.set_xlabel(label, fontsize=FONT)
    panels[0].set_ylabel(label, fontsize=FONT)
    figure.colorbar(
        image, ax=panels, shrink=0.8, label='correlation (Gaussian RBF)')
    return save(figure, out)


def draw_maps(features: Dict[str, np.ndarray], labels: np.ndarray,
              out: Path) -> Tuple[Path, Path]:
    """Draw two principal components of the features, on the same axes.

    Features are scaled to length 1, as the kernel does. The map of each
    network is rotated onto that of the first, the teacher; a rotation changes
    no distance.

    Args:
        features (Dict[str, np.ndarray]): Features by title, (n, d) each.
        labels (np.ndarray): Classes, (n, ), which are digits.
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


def _principal_plane(features: np.ndarray) -> np.ndarray:
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    u, s, _ = np.linalg.svd(unit - unit.mean(0), full_matrices=False)
    return u[:, :2] * s[:2]
