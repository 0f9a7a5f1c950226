"""A checkpoint whose config names modules, files and addresses is exported,
or refused, without importing, running, reading or writing any of them."""
import copy
import os
import pickle
import socket
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope, init_default_scope
from mmpretrain import get_model

from mmcckd.export import OutputFiles, load_student
from mmcckd.export.config_text import parse_config
from mmcckd.export.images import image_shape
from tests.malicious import Trace

ROOT = Path(__file__).parents[2]
EVIL = 'evil_package_of_somebody'


@pytest.fixture(scope='module')
def run():
    """The config of a run as a dict, and weights of its student."""
    cfg = Config.fromfile(ROOT / 'configs/cckd/r18w16_r10w6_digits.py')
    model = get_model(Config.fromfile(ROOT / 'configs/baseline/r10w6_digits.py'
                                      ))
    weights = {f'architecture.{name}': tensor
               for name, tensor in model.state_dict().items()}
    return cfg.to_dict(), weights


@pytest.fixture
def trace(tmp_path, monkeypatch):
    """Also left by importing a package, and by using the network."""
    trace = Trace(tmp_path)
    folder = tmp_path / 'path'
    folder.mkdir()
    trace.package(EVIL, folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.chdir(tmp_path)
    for name in ('getaddrinfo', 'create_connection'):
        monkeypatch.setattr(socket, name,
                            lambda *_, **__: os.mkdir(trace.path))
    yield trace
    assert not trace.is_left
    assert EVIL not in sys.modules


def write(run, change=lambda cfg: None, text=None):
    cfg, weights = copy.deepcopy(run)
    change(cfg)
    if text is None:
        text = '\n'.join(f'{key} = {value!r}' for key, value in cfg.items())
    torch.save(dict(state_dict=weights, meta=dict(cfg=text)), 'evil.pth')


def export(run, change):
    """Export the student, and use the files."""
    write(run, change)
    student = load_student('evil.pth')
    OutputFiles('student.pth').write(student)
    cfg = Config.fromfile('student.py')
    get_model(cfg, pretrained='student.pth')
    return cfg


def at(key, value):
    """A change of the config: sets an entry."""

    def change(cfg):
        *keys, last = [int(name) if name.isdigit() else name
                       for name in key.split('.')]
        for name in keys:
            cfg = cfg[name]
        cfg[last] = value

    return change


STUDENT = 'model.architecture'
DATA = 'test_dataloader.dataset'


@pytest.mark.parametrize('imports', [
    dict(imports=[EVIL]), dict(imports=EVIL, allow_failed_imports=True),
    dict(imports=['mmcckd', f'{EVIL}.registry'])
])
def test_custom_imports(run, trace, imports):
    """Are left out, also of the config that is written."""
    cfg = export(run, at('custom_imports', imports))
    assert cfg.custom_imports == dict(
        imports=['mmcckd'], allow_failed_imports=False)


@pytest.mark.parametrize('scope', [EVIL, f'{EVIL}.registry'])
def test_default_scope_of_the_run(run, trace, scope):
    """Is not that of the student."""
    cfg = export(run, at('default_scope', scope))
    assert cfg.default_scope == 'mmpretrain'
    init_default_scope(cfg.default_scope)
    DATASETS.build(cfg.test_dataloader.dataset)


@pytest.mark.parametrize('kind', [
    EVIL, f'{EVIL}.registry', f'{EVIL}.Model', f'{EVIL}.os.system',
    'os.system', 'subprocess.run', 'builtins.exec', 'this', ['this'], None, 1
])
@pytest.mark.parametrize('key', [
    STUDENT, f'{STUDENT}.backbone', f'{STUDENT}.head.loss', DATA,
    f'{DATA}.pipeline.0', 'test_evaluator', 'test_dataloader.sampler',
    'data_preprocessor'
])
def test_types(run, trace, key, kind):
    write(run, at(f'{key}.type', kind))
    with pytest.raises(ValueError, match='--config'):
        load_student('evil.pth')


@pytest.mark.parametrize('key, value, message', [
    (f'{STUDENT}.backbone._scope_', EVIL, 'scopes may be mmengine, mmcv'),
    (f'{STUDENT}._scope_', EVIL, 'scopes may be'),
    (f'{DATA}._scope_', EVIL, 'scopes may be'),
    ('test_dataloader.collate_fn', dict(type=EVIL), 'not in a registry'),
    ('test_dataloader.worker_init_fn', dict(type='os._exit'), 'not in a reg'),
    (f'{STUDENT}.backbone.cfg_path', f'{EVIL}.py', 'may be a file'),
    (f'{STUDENT}.init_cfg', dict(type='mmengine.Pretrained',
                                 checkpoint='https://evil.example/x.pth'),
     'may be a file, an address'),
    (f'{STUDENT}.backbone', dict(type='TIMMBackbone',
                                 model_name='hf-hub:evil/model'),
     'may be a file, an address'),
    (f'{STUDENT}.backbone.norm_cfg', dict(type='BN', x='{{$HOME:x}}'),
     'a program'),
    (f'{STUDENT}.test_cfg', dict(nms=dict(type="exec('1')")), 'not in a reg'),
    (f'{STUDENT}.prototype', 'prototype', 'names a file'),
    (f'{DATA}.ann_file', 'evil.pkl', 'that is no pickle'),
    (f'{DATA}.ann_file', 'evil.YAML', 'that is no pickle'),
    (f'{DATA}.ann_file', 'https://evil.example/x.json', 'on this machine'),
    (f'{DATA}.data_prefix', dict(img='s3://evil/x'), 'on this machine'),
    (f'{DATA}.split_file', 'evil.p', 'may be a file'),
    (f'{DATA}.backend_args', dict(
        backend='memcached', server_list_cfg='x', client_cfg='x',
        sys_path='path'), 'only local files are read'),
    (f'{DATA}.pipeline.0', dict(
        type='torchvision/ConvertImageDtype',
        dtype='__import__("os").mkdir("trace")'), 'a program'),
    ('test_evaluator', [dict(type='Accuracy'), dict(
        type='DumpResults', out_file_path='trace.pkl')], 'may be a file'),
    ('test_evaluator', dict(type='ReportVQA', file_path='/tmp/x'),
     'may be a file'),
], ids=str)
def test_arguments(run, trace, key, value, message):
    write(run, at(key, value))
    with pytest.raises(ValueError, match=message):
        load_student('evil.pth')


@pytest.mark.parametrize('path', [
    '{folder}/evil.py', 'evil.py', 'mmpretrain::{folder}/evil.py',
    'mmpretrain::resnet/../../../../../../{folder}/evil.py',
    'mmpretrain::evil', f'{EVIL}::configs/evil.py', '::{folder}/evil.py',
    'https://evil.example/x.py'
])
def test_config_files(run, trace, tmp_path, path):
    (tmp_path / 'evil.py').write_text(
        f'__import__("os").mkdir({str(trace.path)!r})\nmodel = dict()\n')
    write(run, at(STUDENT, dict(cfg_path=path.format(folder=tmp_path))))
    with pytest.raises(ValueError, match='it has the cfg_path'):
        load_student('evil.pth')


@pytest.mark.parametrize('kind', ['HuggingFaceClassifier', 'VQAGenerationHead',
                                  'RefCOCO', 'AutoModelForCausalLM'])
def test_components_that_download_or_unpickle(run, trace, kind):
    for key in (STUDENT, DATA):
        write(run, at(key, dict(type=kind, trust_remote_code=True)))
        with pytest.raises(ValueError, match='may download|not in a registry'):
            load_student('evil.pth')


# MMEngine writes such a key without escaping it.
KEYS = ["x': __import__('os').mkdir('trace'), 'y",
        "x', **{__import__('os').mkdir('trace'): 1}, 'y", 'x\\', "'", '\n',
        '{{$HOME:x}}', '{{ fileDirname }}']


@pytest.mark.parametrize('key', KEYS)
@pytest.mark.parametrize('part', [
    'test_dataloader', 'test_evaluator', DATA, f'{DATA}.metainfo',
    'data_preprocessor', f'{STUDENT}.train_cfg'
])
def test_keys_are_not_written_as_code(run, trace, part, key):
    def change(cfg):
        if part.endswith(('metainfo', 'train_cfg')):
            at(part, {})(cfg)
        *keys, last = part.split('.')
        for name in keys:
            cfg = cfg[name]
        cfg[last][key] = 1

    try:
        cfg = export(run, change)
    except ValueError:
        return
    assert key in str(cfg)


@pytest.mark.parametrize('text', [
    f'import {EVIL}', f'from {EVIL} import x',
    f'with read_base():\n    from {EVIL} import *', "__import__('os')",
    "x = __import__('os').mkdir('trace')", "x = f'{open(\"trace\", \"w\")}'",
    "x: __import__('os').mkdir('trace') = 1", "x = [i for i in 'ab']",
    "_base_ = __import__('os').mkdir('trace')", "exec('1')", 'x = \0'
])
def test_texts(run, trace, text):
    write(run, text=text)
    with pytest.raises(ValueError, match='cannot be built'):
        load_student('evil.pth')


@pytest.mark.parametrize('meta', [
    None, 1, [], dict(cfg=1), dict(cfg=dict(model=dict(type=EVIL)))
])
def test_meta_of_another_type(run, trace, meta):
    torch.save(dict(state_dict=run[1], meta=meta), 'evil.pth')
    with pytest.raises(ValueError, match='there is no config'):
        load_student('evil.pth')


def test_data_sets_that_download_are_not_built_for_onnx(run, trace):
    """To find out the size of the images."""
    write(run, at(DATA, dict(
        type='CIFAR10', data_root='.', pipeline=[dict(type='PackInputs')])))
    student = load_student('evil.pth')
    with pytest.raises(ValueError, match='CIFAR10 may download data'):
        image_shape(student)
    write(run)
    assert image_shape(load_student('evil.pth')) == (1, 8, 8)


def test_a_name_of_the_checkpoint_is_not_written_as_code(run, trace):
    write(run)
    name = "evil\n__import__('os').mkdir('trace').pth"
    os.rename('evil.pth', name)
    OutputFiles('student.pth').write(load_student(name))
    Config.fromfile('student.py')


def test_what_the_user_names_is_imported(run, tmp_path, monkeypatch):
    """In a config of the user, given by --config."""
    (tmp_path / 'of_the_user.py').write_text(
        'from mmpretrain.models import ResNet_CIFAR\n'
        'from mmpretrain.registry import MODELS\n'
        '@MODELS.register_module()\n'
        'class OfTheUser(ResNet_CIFAR): pass\n')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    cfg = Config.fromfile(ROOT / 'configs/cckd/r18w16_r10w6_digits.py')
    cfg.model.architecture.backbone.type = 'OfTheUser'
    cfg.custom_imports.imports = ['mmcckd', 'of_the_user']
    cfg.dump('user.py')
    write(run, text=cfg.pretty_text)
    assert parse_config(cfg.pretty_text).model.type == cfg.model.type
    with pytest.raises(ValueError, match="type 'OfTheUser', which is not in"):
        load_student('evil.pth')
    DefaultScope._instance_dict.clear()
    cfg = load_student('evil.pth', 'user.py').config
    assert cfg.custom_imports.imports == ['mmcckd', 'of_the_user']


def test_payloads_of_these_tests(tmp_path, monkeypatch):
    """They do leave a trace where they are run."""
    trace = Trace(tmp_path)
    trace.package(EVIL, tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    payloads = [
        lambda: __import__(f'{EVIL}.registry'), lambda: eval(trace.code),
        lambda: pickle.loads(pickle.dumps(trace)),
        lambda: Config(dict(a={KEYS[0]: 1})).dump('x.py') or Config.fromfile(
            'x.py')
    ]
    for payload in payloads:
        payload()
        assert trace.is_left
        os.rmdir(trace.path)
    for name in (EVIL, f'{EVIL}.registry'):
        sys.modules.pop(name)
