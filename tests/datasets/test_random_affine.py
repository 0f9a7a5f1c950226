import numpy as np
import pytest
from mmengine.registry import TRANSFORMS

from mmcckd.datasets import RandomAffine


def build(**kwargs):
    return TRANSFORMS.build(dict(type='RandomAffine', **kwargs))


def apply(transform, image, seed=0):
    np.random.seed(seed)
    return transform(dict(img=image))['img']


def blob(size=33, x=16, y=16, sigma=2.):
    """A smooth dot, whose position is its center of mass."""
    grid = np.arange(size)
    dot = np.exp(-((grid - x)**2 + (grid[:, None] - y)**2) / (2 * sigma**2))
    return dot.astype(np.float32)


def center_of_mass(image):
    rows, columns = np.indices(image.shape)
    return np.array([(columns * image).sum(), (rows * image).sum()
                     ]) / image.sum()


@pytest.fixture
def amounts(monkeypatch):
    """Set what is drawn: rotation, scale and both shifts, from -1 to 1."""

    def set_amounts(*values):
        monkeypatch.setattr(np.random, 'uniform',
                            lambda *_: np.array(values))

    return set_amounts


def test_nothing_is_changed_if_all_amounts_are_0():
    image = np.random.RandomState(0).randint(0, 256, (32, 20, 3), np.uint8)
    still = build(max_degrees=0, max_scale=0, max_shift=0)
    assert np.array_equal(apply(still, image), image)


def test_a_quarter_turn(amounts):
    amounts(1, 0, 0, 0)
    image = np.random.RandomState(0).randint(0, 256, (9, 9)).astype(np.float32)
    assert np.allclose(
        apply(build(max_degrees=90), image), np.rot90(image), atol=1e-3)


def test_a_shift(amounts):
    amounts(0, 0, 1, -0.5)
    moved = apply(build(max_shift=0.25), blob(size=32, x=16, y=16))
    assert center_of_mass(moved) == pytest.approx([24, 12], abs=0.01)


@pytest.mark.parametrize('amount, scale', [(1, 1.5), (-1, 0.5)])
def test_scaling_is_about_the_center(amounts, amount, scale):
    amounts(0, amount, 0, 0)
    image = blob(x=20, y=16)
    scaled = apply(build(max_scale=0.5), image)
    assert center_of_mass(scaled) == pytest.approx(
        [16 + 4 * scale, 16], abs=0.05)
    assert scaled.sum() / image.sum() == pytest.approx(scale**2, rel=0.01)


def test_amounts_have_the_range_of_the_defaults():
    """Of the position of a dot on the right, over many draws."""
    image = blob(size=65, x=48, y=32)
    angles, radii = [], []
    for seed in range(300):
        x, y = center_of_mass(
            apply(build(max_shift=0), image, seed)) - 32
        angles.append(np.degrees(np.arctan2(y, x)))
        radii.append(np.hypot(x, y) / 16)
    assert -14 <= min(angles) < -13 and 13 < max(angles) <= 14.01
    assert 0.79 < min(radii) < 0.82 and 1.18 < max(radii) < 1.21


@pytest.mark.parametrize('shape, dtype', [
    ((32, 32), np.uint8),
    ((32, 32, 1), np.uint8),
    ((20, 30, 3), np.uint8),
    ((32, 32), np.float32),
])
def test_shape_and_dtype_stay(shape, dtype):
    image = np.random.RandomState(0).randint(1, 256, shape).astype(dtype)
    before = image.copy()
    changed = apply(build(), image)
    assert changed.shape == shape and changed.dtype == dtype
    assert not np.array_equal(changed, image)
    assert np.array_equal(image, before)
    assert np.array_equal(changed, apply(build(), image))  # the same seed
    assert not np.array_equal(changed, apply(build(), image, seed=1))


@pytest.mark.parametrize('name, value', [
    ('max_degrees', -1), ('max_degrees', 181), ('max_scale', 1),
    ('max_scale', -0.1), ('max_shift', 1.5), ('max_shift', float('nan'))
])
def test_amounts_out_of_range(name, value):
    with pytest.raises(ValueError, match=f'{name} must .*, but is {value}'):
        build(**{name: value})


def test_its_text_has_its_arguments():
    assert repr(RandomAffine(10, 0.1, 0.2)) == (
        'RandomAffine(max_degrees=10, max_scale=0.1, max_shift=0.2)')
