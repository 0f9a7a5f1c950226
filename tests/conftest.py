import os
from pathlib import Path
from unittest import mock

import matplotlib
import pytest
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope

import mmcckd  # noqa: F401
from mmcckd.datasets.letters import make_letters
from mmcckd.datasets.toy import (
    make_cifar10,
    make_cifar100,
    make_fashion_mnist,
    make_imagenet,
)
from mmcckd.reid.toy import make_market1501, make_msmt17


@pytest.fixture(autouse=True)
def own_environment():
    """The command lines set variables; take them back."""
    with mock.patch.dict(os.environ):
        yield


@pytest.fixture(autouse=True)
def no_default_scope():
    """A runner sets the default scope of the whole process; take it back, also
    that of a runner in another fixture."""
    DefaultScope._instance_dict.clear()
    yield
    DefaultScope._instance_dict.clear()


@pytest.fixture
def log(caplog):
    """pytest's ``caplog``, with what MMEngine's loggers say."""
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


@pytest.fixture(scope='session')
def toy_imagenet(tmp_path_factory):
    """4 images of each class to train on, 2 to validate."""
    root = tmp_path_factory.mktemp('toy') / 'imagenet'
    make_imagenet(root)
    return str(root)


@pytest.fixture(scope='session')
def toy_cifar10(tmp_path_factory):
    """20 images of each class to train on, 10 to test; MMPretrain's CIFAR10
    has to be told to do without checksums."""
    root = tmp_path_factory.mktemp('toy') / 'cifar10'
    make_cifar10(root)
    return str(root)


@pytest.fixture(scope='session')
def toy_cifar100(tmp_path_factory):
    """20 images of each class to train on, 10 to test."""
    root = tmp_path_factory.mktemp('toy') / 'cifar100'
    make_cifar100(root)
    return str(root)


@pytest.fixture(scope='session')
def toy_fashion_mnist(tmp_path_factory):
    """20 images of each class to train on, 2 to validate, 10 to test."""
    root = tmp_path_factory.mktemp('toy') / 'fashion_mnist'
    make_fashion_mnist(root)
    return str(root)


@pytest.fixture(scope='session')
def toy_letters(tmp_path_factory):
    """20 classes to train on, 8 for retrieval and 8 others; 5 faces to train
    on, 3 to test."""
    folder = tmp_path_factory.mktemp('toy')
    characters = folder / 'characters.txt'
    characters.write_text('abcdefghijklmnopqrstuvwxyz0123456789')
    fonts = Path(matplotlib.get_data_path()) / 'fonts/ttf'
    root = folder / 'letters'
    make_letters(
        root,
        fonts=[str(path) for path in sorted(fonts.glob('DejaVuS*.ttf'))],
        characters=str(characters),
        num_classes=20,
        num_unseen=8,
        train_faces=5,
        test_faces=3,
        min_faces=6)
    return str(root)


@pytest.fixture(scope='session')
def toy_msmt17(tmp_path_factory):
    """100 persons, about 4 images of each."""
    root = tmp_path_factory.mktemp('toy') / 'msmt17'
    make_msmt17(root, 4)
    return str(root)


@pytest.fixture(scope='session')
def toy_market1501(tmp_path_factory):
    """100 persons, about 4 images of each."""
    root = tmp_path_factory.mktemp('toy') / 'market1501'
    make_market1501(root, 4)
    return str(root)
