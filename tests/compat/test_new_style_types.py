"""Classes as types of recorders, initial weights and channel units."""
import subprocess
import sys

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModule, NormalInit, PretrainedInit
from mmengine.registry import DefaultScope
from mmpretrain.models import ResNet
from mmrazor.models.mutables import (
    OneShotMutableChannelUnit,
    SequentialMutableChannelUnit,
)
from mmrazor.models.mutators import ChannelMutator
from mmrazor.models.task_modules import (
    BackwardTracer,
    ModuleOutputsRecorder,
    RecorderManager,
)
from mmrazor.models.task_modules.tracer import ChannelAnalyzer
from torch import nn

RECORDERS = 'mmrazor.models.task_modules'


def test_the_workarounds_are_still_needed(tmp_path):
    """If this fails, some of them can be deleted."""
    code = '''
from mmengine.config import Config
from torch import nn
try:
    Config(dict(type=nn.Linear)).pretty_text
except SyntaxError:
    print('classes')
open('own.py', 'w').write("""from torch.optim import SGD
custom_imports = dict(imports=['nowhere'])
""")
Config.fromfile('own.py')
print('imports')
'''
    result = subprocess.run([sys.executable, '-c', code],
                            cwd=tmp_path,
                            capture_output=True,
                            text=True)
    assert result.stdout.split() == ['classes', 'imports'], result.stderr


@pytest.mark.parametrize('kind', [
    'ModuleOutputs', 'mmrazor.ModuleOutputs', 'ModuleOutputsRecorder',
    f'{RECORDERS}.ModuleOutputsRecorder', ModuleOutputsRecorder
])
def test_recorders(kind):
    recorders = dict(fc=dict(type=kind, source='0'))
    manager = RecorderManager(recorders)
    assert type(manager.get_recorder('fc')) is ModuleOutputsRecorder
    assert recorders['fc']['type'] is kind
    assert RecorderManager().recorders == {}


@pytest.mark.parametrize('kind', [
    'Pretrained', PretrainedInit, 'mmengine.model.PretrainedInit'
])
def test_loaded_weights_are_kept(kind, tmp_path):
    """ResNet sets the weight of norm2 to zero unless weights are loaded."""
    saved = ResNet(18, zero_init_residual=True)
    with torch.no_grad():
        saved.layer1[0].bn2.weight.fill_(3)
    torch.save(saved.state_dict(), tmp_path / 'resnet.pth')
    init_cfg = dict(type=kind, checkpoint=str(tmp_path / 'resnet.pth'))
    model = ResNet(18, zero_init_residual=True, init_cfg=init_cfg)
    assert init_cfg['type'] is kind
    model.init_weights()
    assert (model.layer1[0].bn2.weight == 3).all()


def test_several_initializers():
    class Own:
        """Not registered."""

    override = dict(type=NormalInit, name='fc', std=0.1)
    module = BaseModule([
        dict(type=NormalInit, layer='Linear', override=override),
        dict(type='Constant', layer='Conv2d', val=0),
        dict(type=Own)
    ])
    kinds = [cfg['type'] for cfg in module.init_cfg]
    assert kinds == ['Normal', 'Constant', Own]
    assert module.init_cfg[0]['override']['type'] == 'Normal'
    assert BaseModule().init_cfg is None


class Net(nn.Module):

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3))

    def forward(self, x):
        return self.layers(x)


@pytest.mark.parametrize('kind, unit', [
    ('ChannelAnalyzer', 'OneShotMutableChannelUnit'),
    (ChannelAnalyzer, OneShotMutableChannelUnit),
    ('mmrazor.models.task_modules.tracer.ChannelAnalyzer',
     'mmrazor.models.mutables.OneShotMutableChannelUnit'),
])
def test_channel_units(kind, unit):
    scope = 'mmrazor' if kind == 'ChannelAnalyzer' else 'mmpretrain'
    with DefaultScope.overwrite_default_scope(scope):
        mutator = ChannelMutator(
            channel_unit_cfg=dict(type=unit),
            parse_cfg=dict(
                type=kind,
                demo_input=(1, 3, 16, 16),
                tracer_type=BackwardTracer.__name__))
        mutator.prepare_from_supernet(Net())
    assert len(mutator.units) == 1
    assert all(
        type(unit) is OneShotMutableChannelUnit for unit in mutator.units)
    # A class instead of a config is accepted as before.
    assert ChannelMutator().unit_class is SequentialMutableChannelUnit


def test_paths_of_classes_and_functions():
    cfg = Config(dict(type=nn.Linear, parts=[dict(type=nn.init.ones_)]))
    text = cfg.pretty_text
    assert "type = 'torch.nn.modules.linear.Linear'" in text
    assert "dict(type='torch.nn.init.ones_')" in text
    assert cfg.type is nn.Linear
