from functools import partial

import pytest
from mmengine.config import ConfigDict
from mmrazor.models import KLDivergence
from mmrazor.models.task_modules import ModuleOutputsRecorder

from mmcckd.config_files.component_types import bare_type, recorder_type


@pytest.mark.parametrize('kind', [
    'KLDivergence', 'mmrazor.KLDivergence', 'mmrazor.models.KLDivergence',
    KLDivergence
])
def test_bare_type(kind):
    assert bare_type(dict(type=kind)) == 'KLDivergence'
    assert bare_type(ConfigDict(type=kind, tau=1)) == 'KLDivergence'


def test_a_function_and_no_type():
    assert bare_type(dict(type=dict.fromkeys)) == 'fromkeys'
    assert 'partial' in bare_type(dict(type=partial(KLDivergence, tau=1)))
    assert bare_type(dict()) == 'None'


@pytest.mark.parametrize('kind', [
    'ModuleOutputs', 'mmrazor.ModuleOutputs', ModuleOutputsRecorder,
    'mmrazor.models.task_modules.ModuleOutputsRecorder'
])
def test_recorder_type(kind):
    assert recorder_type(dict(type=kind)) == 'ModuleOutputs'
