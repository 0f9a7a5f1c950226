"""Cameras, which make the images of a person different.

Light, tint, sharpness and background depend on the camera, and determine most
of an image. Retrieval with raw pixels therefore finds images of the same
camera rather than of the same person.
"""
from dataclasses import dataclass

import cv2
import numpy as np

from mmcckd.datasets.toy.patterns import PATTERNS

from .persons import HEIGHT, WIDTH, Person, draw_person

SCENE_WIDTH = 5 * WIDTH


@dataclass
class Camera:
    """The properties that all images of a camera have in common.

    Attributes:
        scene (np.ndarray): The background, (HEIGHT, SCENE_WIDTH, 3), uint8,
            RGB.
        gain (np.ndarray): Factors of red, green and blue, (3, ).
        gamma (float): Exponent of the brightness.
        blur (float): Standard deviation of the Gaussian blur, in pixels of the
            canvas.
        noise (float): Standard deviation of the noise, for pixel values from 0
            to 255.
    """
    scene: np.ndarray
    gain: np.ndarray
    gamma: float
    blur: float
    noise: float

    @classmethod
    def sample(cls, rng: np.random.Generator) -> 'Camera':
        """Create a random camera."""
        gain = rng.uniform(0.7, 1.1) * rng.uniform(0.8, 1.2, 3)
        return cls(
            scene=_draw_scene(rng),
            gain=gain,
            gamma=rng.uniform(0.8, 1.4),
            blur=rng.uniform(0.3, 2),
            noise=rng.uniform(2, 12))

    def photograph(self, person: Person, height: int, width: int,
                   rng: np.random.Generator) -> np.ndarray:
        """Create an image of a person.

        Background, pose, occlusion and the direction of the light are random.

        Returns:
            np.ndarray: (height, width, 3), uint8, RGB.
        """
        left = rng.integers(SCENE_WIDTH - WIDTH + 1)
        image = self.scene[:, left:left + WIDTH].copy()
        draw_person(image, person, rng)
        if rng.random() < 0.25:
            _hide_a_part(image, rng)
        if rng.random() < 0.5:
            image = image[:, ::-1]
        # The light decreases towards one side.
        slope = rng.uniform(-0.35, 0.35)
        light = 1 + slope * np.linspace(-1, 1, WIDTH)[None, :, None]
        image = (image / 255)**self.gamma * self.gain * light
        image = cv2.GaussianBlur(image, (0, 0), self.blur)
        image = cv2.resize(
            image, (width, height), interpolation=cv2.INTER_AREA)
        image = 255 * image + rng.standard_normal(image.shape) * self.noise
        return np.clip(image, 0, 255).astype(np.uint8)


def _draw_scene(rng: np.random.Generator) -> np.ndarray:
    """Draw a wall with doors and posts above a floor."""
    wall, wall2, floor, floor2 = rng.integers(30, 226, (4, 3))
    y, x = np.mgrid[:HEIGHT, :SCENE_WIDTH]
    pattern, floor_pattern = rng.choice(len(PATTERNS), 2)
    horizon = rng.uniform(0.35, 0.8) * HEIGHT
    wall2, floor2 = 0.7 * wall + 0.3 * wall2, 0.7 * floor + 0.3 * floor2
    scene = np.where((y < horizon)[..., None],
                     np.where(PATTERNS[pattern](x / 40, y / 40)[..., None],
                              wall, wall2),
                     np.where(PATTERNS[floor_pattern](x / 60, y / 30)[...,
                                                                     None],
                              floor, floor2)).astype(np.uint8)
    for left in rng.integers(SCENE_WIDTH, size=9):
        top, right = rng.integers(0, horizon), left + rng.integers(6, 50)
        cv2.rectangle(scene, (int(left), int(top)),
                      (int(right), int(horizon) + int(rng.integers(20))),
                      rng.integers(20, 236, 3).tolist(), -1)
    return scene


def _hide_a_part(image: np.ndarray, rng: np.random.Generator) -> None:
    """Occlude the person with a gray post, or a gray area at the bottom."""
    color = np.full(3, rng.integers(40, 216)) + rng.integers(-20, 21, 3)
    if rng.random() < 0.5:
        left = rng.integers(10, WIDTH - 20)
        image[:, left:left + rng.integers(8, 16)] = color
    else:
        image[-rng.integers(20, HEIGHT // 3):] = color
