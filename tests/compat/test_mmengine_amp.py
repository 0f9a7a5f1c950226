import pytest
import torch
from mmengine.device import get_device
from mmengine.optim import AmpOptimWrapper
from torch import nn

pytestmark = pytest.mark.skipif(
    get_device() != 'cpu', reason='about machines without a GPU')


def wrapper(model, **kwargs):
    return AmpOptimWrapper(
        optimizer=torch.optim.SGD(model.parameters(), lr=.1), **kwargs)


@pytest.mark.parametrize('loss_scale', ['dynamic', 512., dict(init_scale=8.)])
def test_a_step_in_bfloat16(loss_scale, recwarn):
    model = nn.Linear(3, 2)
    optim_wrapper = wrapper(model, loss_scale=loss_scale, dtype='bfloat16')
    before = model.weight.detach().clone()
    with optim_wrapper.optim_context(model):
        output = model(torch.ones(4, 3))
    assert output.dtype == torch.bfloat16
    optim_wrapper.update_params(output.float().sum())
    torch.testing.assert_close(model.weight, before - .1 * 4)  # not scaled
    assert not [w for w in recwarn if 'GradScaler' in str(w.message)]


def test_bfloat16_is_the_default():
    model = nn.Linear(3, 2)
    with wrapper(model).optim_context(model):
        assert model(torch.ones(4, 3)).dtype == torch.bfloat16


@pytest.mark.parametrize('scaler', [{}, dict(scale=8.)])
def test_states_of_a_cpu_and_of_a_gpu_are_loaded(scaler):
    optim_wrapper = wrapper(nn.Linear(3, 2))
    state = optim_wrapper.state_dict()
    assert state['loss_scaler'] == {}
    state['loss_scaler'] = scaler
    optim_wrapper.load_state_dict(state)


def test_the_state_of_a_cpu_is_loaded_with_a_scaler():
    optim_wrapper = wrapper(nn.Linear(3, 2))
    state = optim_wrapper.state_dict()

    def refuse(state_dict):  # as that of a GPU does
        raise RuntimeError('The source state dict is empty')

    optim_wrapper.loss_scaler.load_state_dict = refuse
    optim_wrapper.load_state_dict(state)
