"""CC with a vision transformer of HuggingFace, without its weights."""
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import DefaultScope
from mmpretrain.structures import DataSample
from mmrazor.registry import MODELS

from mmcckd.recipes import frozen_teacher, mix_cc

transformers = pytest.importorskip('transformers')
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def vit(tmp_path):
    """A folder with the configuration of a small network."""
    transformers.ViTConfig(
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=96,
        image_size=64,
        num_labels=1000).save_pretrained(tmp_path)
    return str(tmp_path)


@pytest.mark.parametrize('freeze', [False, True])
def test_a_teacher_of_hugging_face(vit, freeze):
    cfg = Config.fromfile(ROOT / 'configs/baseline/kd_r34_r18_in1k.py')
    cfg.model.type = 'mmrazor.SingleTeacherDistill'
    for name in ('student_loss_weight', 'channels_last'):
        cfg.model.pop(name, None)
    cfg.model.teacher = ConfigDict(
        type='HuggingFaceClassifier', _scope_='mmpretrain', model_name=vit)
    cfg.model.teacher_ckpt = None
    recorders = cfg.model.distiller.teacher_recorders
    recorders.fc.source = 'model.classifier'
    cfg = mix_cc(cfg)
    feature = cfg.model.distiller.teacher_recorders.cc_feature
    assert feature.type.endswith('ModuleInputs')
    assert feature.source == 'model.classifier'
    if freeze:
        cfg = frozen_teacher(cfg)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(cfg.model)
    model.train()
    losses = model(
        torch.randn(4, 3, 64, 64),
        [DataSample().set_gt_label(i // 2) for i in range(4)],
        mode='loss')
    loss = losses['distill.loss_cc']
    assert 0 < loss < float('inf')
    loss.backward()
    assert model.student.backbone.conv1.weight.grad.abs().max() > 0
    assert all(p.grad is None for p in model.teacher.parameters())


def test_the_workaround_is_still_needed():
    """MMPretrain 1.2.0 alone cannot be imported beside transformers 5."""
    code = ('import sys\n'
            'sys.meta_path = [finder for finder in sys.meta_path\n'
            '                 if "mmcckd" not in repr(finder)]\n'
            'import mmpretrain.models')
    result = subprocess.run([sys.executable, '-c', code],
                            capture_output=True,
                            text=True)
    assert 'NoneType takes no arguments' in result.stderr
