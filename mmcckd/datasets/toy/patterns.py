"""Draw images of patterns in two colors."""
import colorsys

import numpy as np

# Functions that map x and y, arrays of shape (h, w) in units of periods, to
# the mask of the foreground. A pattern can be recognized after cropping and
# flipping, which are used in training.
PATTERNS = (
    lambda x, y: y % 1 < 0.5,  # horizontal stripes
    lambda x, y: x % 1 < 0.5,  # vertical stripes
    lambda x, y: (x + y) % 1 < 0.5,  # diagonal stripes
    lambda x, y: (x % 1 < 0.5) != (y % 1 < 0.5),  # checkers
    lambda x, y: np.hypot(x % 1 - 0.5, y % 1 - 0.5) < 0.35,  # dots
    lambda x, y: np.hypot(x % 3 - 1.5, y % 3 - 1.5) % 1 < 0.5,  # rings
    lambda x, y: np.minimum(x % 1, y % 1) < 0.25,  # grid
    lambda x, y: (y + np.sin(2 * np.pi * x) / 4) % 1 < 0.5,  # waves
    lambda x, y: abs(x % 1 - 0.5) + abs(y % 2 - 1) / 2 < 0.35,  # diamonds
    lambda x, y: (np.maximum(abs(x % 1 - 0.5), abs(y % 1 - 0.5)) < 0.4) &
    (np.minimum(abs(x % 1 - 0.5), abs(y % 1 - 0.5)) < 0.12),  # crosses
)
NUM_HUES = 10


def draw(pattern: int, foreground: int, background: int, height: int,
         width: int, rng: np.random.Generator) -> np.ndarray:
    """Draw an image of a pattern in two colors.

    Position, size and mirroring of the pattern, tint, brightness and noise
    are random.

    Args:
        pattern (int): Index into ``PATTERNS``.
        foreground (int): Hue of the bright color, 0 to 9.
        background (int): Hue of the dark color, 0 to 9.
        height (int): Height in pixels.
        width (int): Width in pixels.
        rng (np.random.Generator): Random generator.

    Returns:
        np.ndarray: RGB image of shape (height, width, 3), uint8.
    """
    period = min(height, width) / rng.uniform(3, 4)
    y, x = np.mgrid[:height, :width] / period + rng.uniform(0, 6, (2, 1, 1))
    is_foreground = PATTERNS[pattern](x * rng.choice([-1, 1]), y)
    image = np.where(is_foreground[..., None],
                     _color(foreground, 0.9, 1.0, rng),
                     _color(background, 0.8, 0.45, rng))
    noise = rng.standard_normal((height, width, 1)) * 12
    return np.clip(255 * image + noise, 0, 255).astype(np.uint8)


def _color(hue: int, saturation: float, value: float,
           rng: np.random.Generator) -> np.ndarray:
    """Return a random color similar to the given one, as RGB, 0 to 1 each."""
    hue, saturation, value = (
        hue / NUM_HUES + rng.uniform(-0.02, 0.02),
        saturation * rng.uniform(0.8, 1), value * rng.uniform(0.8, 1))
    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value))
