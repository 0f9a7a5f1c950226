"""MMRazor's parts that need SciPy, scikit-learn or pyplot still work."""
import subprocess
import sys

import numpy as np
import pytest
from mmrazor.models.distillers import ofd_distiller
from mmrazor.models.task_modules.predictor import metric_predictor
from mmrazor.models.task_modules.predictor.handler import carts_handler
from mmrazor.visualization import local_visualizer
from scipy import stats
from sklearn.tree import DecisionTreeRegressor

import mmcckd  # noqa: F401
from mmcckd.compat import mmrazor_lazy_imports
from mmcckd.compat.mmrazor_lazy_imports import (
    MODULES,
    LazyAttribute,
    imported_lazily,
)


def test_they_are_not_imported():
    result = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c',
         'import mmcckd, mmengine, sys; print(*sys.modules)'],
        capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    modules = result.stdout.split()
    assert 'mmrazor.models' in modules
    assert not {*MODULES, 'sklearn'}.intersection(modules)


def test_functions_and_objects():
    assert ofd_distiller.norm.cdf(0.3) == stats.norm.cdf(0.3)
    x = np.random.default_rng(0).normal(size=(2, 9))
    rmse, rho, tau = metric_predictor.MetricPredictor.get_correlation(*x)
    assert rho == stats.spearmanr(*x)[0] and tau == stats.kendalltau(*x)[0]
    figure = local_visualizer.plt.figure()
    local_visualizer.plt.close(figure)


def test_classes():
    tree = carts_handler.DecisionTreeRegressor(max_depth=2)
    assert type(tree) is DecisionTreeRegressor and tree.max_depth == 2
    x = np.random.default_rng(0).normal(size=(20, 3))
    handler = carts_handler.CartsHandler(num_trees=3)
    handler.fit(x, x[:, 0])
    assert handler.predict(x).shape == (20, 1)


def test_a_name_that_does_not_exist():
    with pytest.raises(AttributeError, match='not_there'):
        metric_predictor.stats.not_there()


@pytest.mark.parametrize('line', [
    'from wsgiref.util import guess_scheme',
    'import wsgiref.util as util; guess_scheme = util.guess_scheme',
])
def test_other_packages_get_the_module(line, monkeypatch):
    """Such as those that MMRazor imports if they are installed."""
    name = 'wsgiref.util'
    monkeypatch.setattr(mmrazor_lazy_imports, 'MODULES', (name, ))
    monkeypatch.delitem(sys.modules, name, raising=False)
    inside, other = dict(__name__='mmrazor.a'), dict(__name__='mmdet.a')
    with imported_lazily():
        exec(line, inside)
        exec(line, other)
    assert isinstance(inside['guess_scheme'], LazyAttribute)
    assert not isinstance(other['guess_scheme'], LazyAttribute)
    assert inside['guess_scheme']({}) == other['guess_scheme']({}) == 'http'
