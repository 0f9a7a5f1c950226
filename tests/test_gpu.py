"""What differs on a GPU. These tests are skipped where there is none."""
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmrazor.registry import MODELS
from torch import nn

from mmcckd.engine import build_runner
from mmcckd.functional import CCLoss
from mmcckd.models.relu6 import keep_outputs_of_relu6

CONFIG = Path(__file__).parents[1] / 'configs/cckd/r18w16_r10w6_digits.py'
DEVICE = 'cuda'

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason='needs a GPU')


@pytest.fixture(autouse=True)
def deterministic(monkeypatch):
    monkeypatch.setenv('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
    monkeypatch.setattr(torch.backends.cudnn, 'deterministic', True)
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', False)
    torch.use_deterministic_algorithms(True, warn_only=True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize('kernel', ('gaussian_rbf', 'bilinear', 'naive_mmd'))
@pytest.mark.parametrize('n', (40, 700))
def test_cc_loss_and_gradients_are_those_of_the_cpu(kernel, n):
    torch.manual_seed(0)
    student, teacher = torch.randn(n, 96), torch.randn(n, 128)
    results = []
    for device, dtype in (('cpu', torch.float64), (DEVICE, torch.float32)):
        x = student.to(device, dtype, copy=True).requires_grad_()
        loss = CCLoss(kernel)(x, teacher.to(device, dtype))
        loss.backward()
        results.append([loss.detach().cpu(), x.grad.cpu()])
    for expected, found in zip(*results):
        torch.testing.assert_close(
            found.double(),
            expected.double(),
            rtol=1e-4,
            atol=1e-5 * expected.abs().max().item())


@pytest.mark.parametrize('dtype', (torch.float32, torch.float16))
def test_relu6_is_bit_identical(dtype):
    x = 5 * torch.randn(4, 8, 9, 9, device=DEVICE, dtype=dtype)
    model = nn.Sequential(nn.ReLU6(inplace=True))
    grads = []
    for _ in range(2):
        given = x.clone().requires_grad_()
        model(given * 1).pow(2).sum().backward()
        grads.append(given.grad)
        keep_outputs_of_relu6(model)
    assert torch.equal(*grads)


def train(folder, name, **options):
    cfg = Config.fromfile(CONFIG)
    cfg.model.teacher_ckpt = str(folder / 'teacher.pth')
    cfg.model.update(options)
    cfg.work_dir = str(folder / name)
    cfg.experiment_name = f'{folder.name}_{name}'
    cfg.randomness = dict(seed=0)
    cfg.train_cfg.update(max_epochs=3, val_interval=3)
    if 'teacher_store' not in options:
        cfg.custom_hooks = [dict(type='RepeatableViewsHook', views=3)]
    runner = build_runner(cfg)
    runner.train()
    return {
        key: value.cpu()
        for key, value in runner.model.state_dict().items()
    }


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('gpu')
    init_default_scope('mmpretrain')
    torch.manual_seed(0)
    teacher = MODELS.build(Config.fromfile(CONFIG).model.teacher)
    teacher.init_weights()
    torch.save(
        dict(state_dict=teacher.state_dict()), str(folder / 'teacher.pth'))
    return folder


def assert_equal(found, expected):
    differences = {
        key: (found[key].double() - expected[key].double()).abs().max().item()
        for key in expected if not torch.equal(found[key], expected[key])
    }
    assert not differences


@pytest.mark.parametrize('dtype', ('float32', 'float16'))
def test_filled_store_gives_the_same_student(folder, dtype):
    store = dict(path=str(folder / f'store_{dtype}'), views=3, dtype=dtype)
    expected = train(folder, f'{dtype}_filling', teacher_store=store)
    found = train(folder, f'{dtype}_filled', teacher_store=store)
    assert_equal(found, expected)


def test_store_in_float32_changes_nothing(folder):
    store = dict(path=str(folder / 'store'), views=3, dtype='float32')
    expected = train(folder, 'without_store')
    found = train(folder, 'with_store', teacher_store=store)
    assert_equal(found, expected)


def test_amp_and_compile_train(folder):
    found = train(
        folder,
        'compiled',
        teacher_dtype='bfloat16',
        channels_last=True,
        compile=True)
    assert all(value.isfinite().all() for value in found.values())
