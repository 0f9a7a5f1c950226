"""Persons that a network can distinguish in the images of all cameras.

Persons differ in colors and shapes: hair, skin, clothes and their patterns,
shoes, bag and build.
"""
from dataclasses import dataclass

import cv2
import numpy as np

from mmcckd.datasets.toy.patterns import PATTERNS

# RGB
SKINS = ((255, 219, 186), (232, 184, 140), (176, 120, 82), (104, 66, 45))
HAIRS = ((30, 24, 22), (84, 54, 34), (150, 100, 52), (222, 190, 112),
         (160, 60, 32), (176, 176, 176))
CLOTHES = ((28, 28, 32), (240, 240, 240), (128, 128, 128), (200, 36, 40),
           (236, 130, 28), (242, 214, 50), (44, 140, 60), (36, 96, 200),
           (24, 36, 84), (128, 50, 150), (240, 150, 180), (112, 72, 40))
# Patterns of two colors: stripes in three directions, checkers and dots.
UPPER_PATTERNS = (None, None, None, *PATTERNS[:5])
STYLES = dict(
    hair=('short', 'long', 'cap'),
    sleeves=('short', 'long'),
    lower=('trousers', 'trousers', 'shorts', 'skirt'),
    bag=('none', 'none', 'backpack', 'shoulder', 'hand'))

HEIGHT, WIDTH = 192, 96  # of the canvas on which a person is drawn


@dataclass
class Person:
    """The properties of a person that are the same in all images.

    Attributes:
        build (float): Width of the body relative to the average.
        colors (dict): Colors of skin, hair, cap, upper, upper2 (the second
            color of the pattern), lower, shoes and bag.
        pattern (int): Index into ``UPPER_PATTERNS``.
        styles (dict): One option for each key of ``STYLES``.
    """
    build: float
    colors: dict
    pattern: int
    styles: dict

    @classmethod
    def sample(cls, rng: np.random.Generator) -> 'Person':
        """Create a random person."""
        colors = dict(
            skin=_choose(SKINS, rng),
            hair=_choose(HAIRS, rng),
            **{
                part: _choose(CLOTHES, rng)
                for part in ('cap', 'upper', 'lower', 'shoes', 'bag')
            })
        others = [c for c in CLOTHES if c != colors['upper']]
        colors['upper2'] = _choose(others, rng)
        return cls(
            build=rng.uniform(0.85, 1.2),
            colors=colors,
            pattern=rng.integers(len(UPPER_PATTERNS)),
            styles={name: _choose(of, rng) for name, of in STYLES.items()})


def _choose(options: tuple, rng: np.random.Generator):
    return options[rng.integers(len(options))]


def draw_person(image: np.ndarray, person: Person,
                rng: np.random.Generator) -> None:
    """Draw a walking person into an image, (HEIGHT, WIDTH, 3), uint8.

    Position, size, pose, and front or back view are random.
    """
    size = rng.uniform(0.82, 1.0) * HEIGHT
    left = WIDTH / 2 + rng.normal(0, 5)
    top = rng.uniform(-0.08, 0.1) * HEIGHT
    pen = _Pen(image, left, top, size, size * person.build)
    legs, arms = rng.uniform(-1, 1), rng.uniform(-1, 1)  # phase of a stride
    is_back = rng.random() < 0.4

    if person.styles['bag'] == 'backpack' and not is_back:
        # only its sides are visible
        pen.area(person.colors['bag'], (-0.16, 0.2), (0.16, 0.2),
                 (0.16, 0.3), (-0.16, 0.3))
    _draw_legs(pen, person, legs)
    _draw_trunk(pen, person, arms, _cloth(person, top))
    _draw_bag(pen, person, is_back)
    _draw_head(pen, person, is_back)


@dataclass
class _Pen:
    """Draw in units of the person's height: y is 0 at the top of the head and
    1 at the feet, x is 0 in the middle.

    A color is an RGB triple, or an image from which the pixels are copied.
    """
    image: np.ndarray
    left: float
    top: float
    height: float
    width: float

    def limb(self, color, thickness: float, *points) -> None:
        self._paint(color, cv2.polylines, [self._pixels(points)], False, 1,
                    self._length(thickness))

    def area(self, color, *points) -> None:
        self._paint(color, cv2.fillPoly, [self._pixels(points)], 1)

    def ellipse(self, color, y: float, width: float, height: float,
                begin: int) -> None:
        """Draw an arc of an ellipse at x = 0, from ``begin`` to 360°."""
        center, = self._pixels([(0, y)]).tolist()
        axes = (self._length(width), self._length(height))
        self._paint(color, cv2.ellipse, center, axes, 0, begin, 360, 1, -1)

    def _pixels(self, points) -> np.ndarray:
        x, y = np.transpose(points)
        return np.stack([
            np.rint(self.left + self.width * x),
            np.rint(self.top + self.height * y)
        ], 1).astype(np.int32)

    def _length(self, x: float) -> int:
        return max(1, round(x * self.width))

    def _paint(self, color, draw, *shape) -> None:
        mask = np.zeros(self.image.shape[:2], np.uint8)
        draw(mask, *shape)
        self.image[mask > 0] = np.broadcast_to(color,
                                               self.image.shape)[mask > 0]


def _draw_legs(pen: _Pen, person: Person, stride: float) -> None:
    colors, style = person.colors, person.styles['lower']
    for side in (-1, 1):
        hip, foot = (side * 0.045, 0.48), (side * (0.05 + 0.05 * stride), 0.95)
        knee = ((hip[0] + foot[0]) / 2, 0.7)
        leg = colors['lower' if style == 'trousers' else 'skin']
        pen.limb(leg, 0.075, hip, knee, foot)
        if style == 'shorts':
            pen.limb(colors['lower'], 0.095, hip, knee)
        pen.limb(colors['shoes'], 0.07, (foot[0] - 0.015, 0.96),
                 (foot[0] + 0.025, 0.97))
    if style == 'skirt':
        pen.area(colors['lower'], (-0.08, 0.46), (0.08, 0.46), (0.13, 0.7),
                 (-0.13, 0.7))


def _draw_trunk(pen: _Pen, person: Person, stride: float,
                cloth: np.ndarray) -> None:
    skin = person.colors['skin']
    pen.area(cloth, (-0.11, 0.165), (-0.04, 0.145), (0.04, 0.145),
             (0.11, 0.165), (0.095, 0.5), (-0.095, 0.5))
    for side in (-1, 1):
        shoulder, elbow = (side * 0.105, 0.185), (side * 0.135, 0.34)
        hand = (side * (0.14 + 0.05 * stride), 0.5)
        is_long = person.styles['sleeves'] == 'long'
        pen.limb(skin, 0.045, elbow, hand)
        pen.limb(cloth, 0.055, shoulder, elbow, *[hand] * is_long)
        pen.limb(skin, 0.05, hand, (hand[0], 0.52))


def _draw_bag(pen: _Pen, person: Person, is_back: bool) -> None:
    color, style = person.colors['bag'], person.styles['bag']
    if style == 'backpack' and is_back:
        pen.area(color, (-0.085, 0.17), (0.085, 0.17), (0.09, 0.42),
                 (-0.09, 0.42))
    elif style == 'backpack':
        for side in (-1, 1):
            pen.limb(color, 0.025, (side * 0.06, 0.155), (side * 0.07, 0.35))
    elif style == 'shoulder':
        pen.limb(color, 0.02, (-0.08, 0.155), (0.1, 0.46))
        pen.area(color, (0.06, 0.42), (0.17, 0.42), (0.17, 0.54),
                 (0.06, 0.54))
    elif style == 'hand':
        pen.area(color, (0.09, 0.54), (0.21, 0.54), (0.23, 0.68),
                 (0.07, 0.68))


def _draw_head(pen: _Pen, person: Person, is_back: bool) -> None:
    colors, style = person.colors, person.styles['hair']
    if style == 'long':
        pen.area(colors['hair'], (-0.06, 0.05), (0.06, 0.05), (0.085, 0.24),
                 (-0.085, 0.24))
    pen.ellipse(colors['hair' if is_back else 'skin'], 0.085, 0.05, 0.07, 0)
    if not is_back:
        pen.limb(colors['skin'], 0.05, (0, 0.12), (0, 0.155))
    crown = colors['cap' if style == 'cap' else 'hair']
    pen.ellipse(crown, 0.065, 0.058, 0.058, 180)
    if style == 'cap':
        pen.limb(crown, 0.02, (-0.055, 0.065), (0.095, 0.07))


def _cloth(person: Person, top: float) -> np.ndarray:
    """An image of the cloth of the upper body, (HEIGHT, WIDTH, 3)."""
    pattern = UPPER_PATTERNS[person.pattern]
    upper, upper2 = person.colors['upper'], person.colors['upper2']
    if pattern is None:
        return np.full((HEIGHT, WIDTH, 3), upper)
    y, x = np.mgrid[:HEIGHT, :WIDTH] / 18
    return np.where(pattern(x, y - top / 18)[..., None], upper, upper2)
