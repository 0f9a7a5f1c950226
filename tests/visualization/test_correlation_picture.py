import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from mmcckd.visualization.correlation_picture import (
    CORRELATIONS,
    DIFFERENCES,
    HEIGHT,
    LEFT,
    SIZE,
    TOP,
    WIDTH,
    draw_correlations,
)


def draw(seed, n):
    return np.random.default_rng(seed).normal(size=(n, n))


def colors(picture, place, n):
    """The pixel in the middle of each entry of one of the matrices."""
    middles = ((np.arange(n) + 0.5) * SIZE / n).astype(int)
    return picture[np.ix_(TOP + middles, LEFT[place] + middles)]


def expected(matrix, name, low, high):
    return matplotlib.colormaps[name](
        (matrix - low) / (high - low), bytes=True)[..., :3]


@pytest.mark.parametrize('n', [1, 2, 5, 40])
def test_each_entry_has_its_color(n):
    student, teacher = draw(0, n), 2 * draw(1, n)
    labels = np.sort(np.arange(n) % 3)
    picture = draw_correlations(student, teacher, labels, 'a title')
    assert picture.shape == (HEIGHT, WIDTH, 3) and picture.dtype == np.uint8
    # Teacher and student have one scale, the difference one around 0.
    low = min(student.min(), teacher.min())
    high = max(student.max(), teacher.max())
    furthest = np.abs(student - teacher).max()
    for place, matrix, *scale in (
        (0, teacher, CORRELATIONS, low, high),
        (1, student, CORRELATIONS, low, high),
        (2, student - teacher, DIFFERENCES, -furthest, furthest)):
        np.testing.assert_allclose(
            colors(picture, place, n).astype(int),
            expected(matrix, *scale),
            atol=2)


def test_no_difference_is_gray():
    same = draw(0, 4)
    difference = colors(draw_correlations(same, same), 2, 4)
    assert np.ptp(difference.astype(int), axis=-1).max() < 10
    assert 110 < difference.mean() < 140


@pytest.mark.parametrize('name', [CORRELATIONS, DIFFERENCES])
def test_the_colors_can_be_read_without_color(name):
    red, green, blue, _ = matplotlib.colormaps[name](np.linspace(0, 1, 32)).T
    assert (np.diff(0.299 * red + 0.587 * green + 0.114 * blue) > 0).all()


def test_classes_are_parted_by_lines():
    n, dark = 8, np.zeros((8, 8))
    dark[0, 0] = 1
    plain = draw_correlations(dark, dark)
    parted = draw_correlations(dark, dark, np.repeat([3, 7], [2, 6]))
    for left in LEFT[:2]:
        border = TOP + SIZE * 2 // n
        inside = slice(left + 1, left + SIZE - 1)
        assert parted[border - 1:border + 1, inside].mean() > 120
        assert plain[border - 1:border + 1, inside].mean() < 60
        # elsewhere, nothing
        assert (parted[TOP + 200, left + 100:left + 300] ==
                plain[TOP + 200, left + 100:left + 300]).all()


def test_many_classes_are_ticks_beside_the_matrix():
    matrix = draw(0, 80)
    plain = draw_correlations(matrix, matrix)
    ticked = draw_correlations(matrix, matrix, np.repeat(np.arange(40), 2))
    for place in range(3):
        assert (colors(plain, place, 80) == colors(ticked, place, 80)).all()
    beside = ticked[TOP:TOP + SIZE, LEFT[0] - 3].mean(-1)
    assert (np.diff((beside < 200).astype(int)) == 1).sum() == 39


def test_more_samples_than_pixels_are_averaged():
    n = 3 * SIZE
    stripes = np.tile([0., 1., 2.], (n, n // 3))
    picture = draw_correlations(stripes, 2 - stripes)
    teacher = picture[TOP + 20:TOP + SIZE - 20, LEFT[0] + 20:LEFT[0] + 300]
    middle = expected(np.ones(1), CORRELATIONS, 0, 2)
    np.testing.assert_allclose(
        teacher.mean((0, 1)), middle[0], atol=12)


def test_nothing_is_left_with_pyplot():
    backend = matplotlib.get_backend()
    draw_correlations(draw(0, 3), draw(1, 3))
    assert plt.get_fignums() == []
    assert matplotlib.get_backend() == backend


@pytest.mark.parametrize('value', [np.inf, np.nan, 1e-320, 1e300])
def test_a_diverged_run_can_be_drawn(value):
    student = np.ones((4, 4))
    student[0, 1] = value
    with np.errstate(all='ignore'):
        picture = draw_correlations(student, np.ones((4, 4)))
    assert picture.shape == (HEIGHT, WIDTH, 3)
