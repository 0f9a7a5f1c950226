import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mmcckd.reid.evaluation.samples import rank_rows


@given(
    st.lists(st.lists(st.integers(-1, 1), min_size=3, max_size=3), min_size=1),
    st.sampled_from([np.float16, np.float32, np.float64]))
def test_rank_rows_numbers_distinct_rows(rows, dtype):
    features = np.array(rows, dtype)
    ranks = rank_rows(features)
    same = (features[:, None] == features[None]).all(2)
    assert np.array_equal(ranks[:, None] == ranks[None], same)
    order = np.random.default_rng(0).permutation(len(rows))
    assert np.array_equal(rank_rows(features[order]), ranks[order])
