"""``evaluate_reid`` for wrong, extreme and valid arguments."""
import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from reid.test_evaluate import draw as draw_arguments
from reid.test_evaluate import grid, loop

from mmcckd.reid.evaluation import evaluate_reid

from .outcomes import fuzz, outcome

WRONG = [
    lambda x: x[:-1], lambda x: np.concatenate([x, x[:1]]),
    lambda x: x.astype(complex), lambda x: x.astype(str), lambda x: x[None],
    lambda x: x[:0], lambda x: x.astype(object), lambda x: x > 0
]
WRONG_FEATURES = [
    *WRONG, lambda x: x[:, :-1], lambda x: x[:, :0], lambda x: x.astype(int),
    lambda x: x * np.nan, lambda x: x + np.inf, lambda x: x * 1e200
]
WRONG_NUMBERS = [*WRONG, lambda x: x + .5]


@given(
    seed=st.integers(0, 2**32),
    sizes=st.tuples(
        st.integers(1, 5), st.integers(1, 20), st.integers(1, 4),
        st.integers(1, 3)),
    distance=st.sampled_from(['cosine', 'euclidean']),
    which=st.integers(0, 5),
    change=st.integers(0, 13),
    offset=st.sampled_from([0, -2**62, 2**62]))
@fuzz
def test_wrong_arguments(seed, sizes, distance, which, change, offset):
    """An error, or the result without the change."""
    arguments = grid(seed, draw_arguments(seed, *sizes), distance, np.float64)
    expected = loop(*arguments, distance)
    changes = WRONG_FEATURES if which < 2 else WRONG_NUMBERS
    arguments[which] = changes[change % len(changes)](arguments[which])
    if which not in (2, 3):
        arguments[2] = arguments[2] + offset
        arguments[3] = arguments[3] + offset
    found = outcome(
        lambda: evaluate_reid(*arguments, distance), '', TypeError, ValueError)
    if found is not None:
        assert found == expected


@given(
    seed=st.integers(0, 2**32),
    sizes=st.tuples(
        st.integers(1, 5), st.integers(1, 20), st.integers(1, 4),
        st.integers(1, 3)),
    distance=st.sampled_from(['cosine', 'euclidean']),
    dtypes=st.tuples(
        *[st.sampled_from([np.float16, np.float32, np.float64])] * 2),
    as_tensors=st.tuples(*[st.booleans()] * 6),
    offset=st.sampled_from([0, -2**62, 2**62]))
@fuzz
def test_valid_arguments(seed, sizes, distance, dtypes, as_tensors, offset):
    arguments = grid(seed, draw_arguments(seed, *sizes), distance, np.float64)
    expected = loop(*arguments, distance)
    for i, (dtype, numbers) in enumerate(zip(dtypes, arguments)):
        arguments[i] = numbers.astype(dtype)
    for i in range(2, 6):
        arguments[i] = arguments[i] + offset
    arguments = [
        torch.tensor(x) if tensor else x
        for tensor, x in zip(as_tensors, arguments)
    ]
    found = outcome(
        lambda: evaluate_reid(*arguments, distance), 'match', ValueError)
    if expected is None:
        assert found is None
    else:
        assert np.allclose(list(found.values()), list(expected.values()))
        assert found.keys() == expected.keys()
