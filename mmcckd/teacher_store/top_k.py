from typing import Tuple

import numpy as np


def keep_top_k(logits: np.ndarray,
               k: int) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Keep the k largest logits, and one number for all others.

    The others are replaced by the logit

    .. math:: r = \log \frac{1}{C - k} \sum_{j \notin top} \exp(z_j)

    which gives each of the C - k other classes an equal share of their
    probability at temperature 1.

    Args:
        logits (np.ndarray): z, (n, C), finite.
        k (int): From 1 to C - 1.

    Returns:
        Tuple[np.ndarray, np.ndarray, np.ndarray]: The k largest logits,
        (n, k), in no particular order; their classes, (n, k); and r, (n, 1).
    """
    order = np.argpartition(logits, -k, axis=1)
    classes = order[:, -k:]
    others = np.take_along_axis(logits, order[:, :-k], 1).astype(np.float64)
    most = others.max(1, keepdims=True)
    rest = most + np.log(np.exp(others - most).mean(1, keepdims=True))
    return np.take_along_axis(logits, classes, 1), classes, rest


def spread_rest(values: np.ndarray, classes: np.ndarray, rest: np.ndarray,
                num_classes: int) -> np.ndarray:
    """Build logits from what :func:`keep_top_k` has kept.

    At temperature 1, their softmax is p for the k classes, as before, and
    (1 - Σp) / (C - k) for the others.

    Args:
        values (np.ndarray): The k largest logits, (n, k).
        classes (np.ndarray): Their classes, (n, k).
        rest (np.ndarray): The logit of all others, (n, 1).
        num_classes (int): C.

    Returns:
        np.ndarray: Logits, (n, C), float32.
    """
    logits = np.empty((len(values), num_classes), np.float32)
    logits[:] = rest
    np.put_along_axis(logits, classes.astype(np.int64), values, 1)
    return logits
