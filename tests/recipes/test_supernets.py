"""CC in MMRazor's recipes for search and pruning."""
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.optim import build_optim_wrapper
from mmpretrain.structures import DataSample
from mmrazor.registry import MODEL_WRAPPERS, MODELS

from mmcckd.engine.config_arguments import read_config
from mmcckd.models import CorrelationCongruenceLoss
from mmcckd.recipes import frozen_teacher, mix_cc

AUTOSLIM = 'nas/mmcls/autoslim/autoslim_mbv2_1.5x_supernet_8xb256_in1k.py'
BIGNAS = 'nas/mmcls/bignas/attentive_mobilenet_supernet_32xb64_in1k.py'
OFA = 'nas/mmcls/onceforall/ofa_mobilenet_supernet_32xb64_in1k.py'
DMCP = 'pruning/mmcls/dmcp/dmcp_mbv2_supernet_32xb64.py'
DMCP_R50 = 'pruning/mmcls/dmcp/dmcp_resnet50_supernet_32xb64.py'
GROUP_FISHER = ('pruning/mmcls/group_fisher/resnet50/'
                'group_fisher_act_finetune_resnet50_8xb32_in1k_dist.py')


def read(recipe):
    cfg = read_config(f'mmrazor::{recipe}')
    model = cfg.model
    if 'num_random_samples' in model or recipe in (BIGNAS, OFA):
        model.num_random_samples = 0
    if 'input_resizer_cfg' in model.get('architecture', {}):
        model.architecture.input_resizer_cfg.input_sizes = [[64, 64]]
    if recipe in (DMCP, DMCP_R50):
        model.update(distillation_times=-1, strategy=['max', 'min'])
    for mutator in ('mutator', 'mutator_cfg'):
        if 'parse_cfg' in model.get(mutator, {}):
            model[mutator].parse_cfg.demo_input = (1, 3, 64, 64)
    return cfg


def data(n=4):
    torch.manual_seed(0)
    return dict(
        inputs=[
            torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8)
            for _ in range(n)
        ],
        data_samples=[DataSample().set_gt_label(i // 2) for i in range(n)])


@pytest.fixture
def process_group():
    torch.distributed.init_process_group(
        'gloo', store=torch.distributed.HashStore(), rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize('recipe, wrapped', [(AUTOSLIM, False),
                                             (AUTOSLIM, True), (BIGNAS, True),
                                             (OFA, False), (DMCP, True),
                                             (DMCP_R50, False)])
def test_cc_alone_reaches_the_smaller_subnets(recipe, wrapped, request):
    """Also in MMRazor's wrappers for several GPUs."""
    cfg = mix_cc(read(recipe))
    assert cfg.train_dataloader.batch_sampler.type == 'CURSampler'
    model = MODELS.build(cfg.model)
    model.train()  # returns None
    weight = next(model.architecture.parameters())
    gradients = []

    def measure(module, inputs, loss):
        gradients.append(
            torch.autograd.grad(loss, weight, retain_graph=True)[0])

    for module in model.modules():
        if isinstance(module, CorrelationCongruenceLoss):
            module.register_forward_hook(measure)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    MessageHub.get_current_instance().update_info('iter', 0)
    MessageHub.get_current_instance().update_info('max_iters', 10)
    if wrapped:
        request.getfixturevalue('process_group')
        model = MODEL_WRAPPERS.build(
            dict(cfg.model_wrapper_cfg, module=model, device_ids=[]))
    losses = model.train_step(data(), wrapper)
    found = [name for name in losses if 'loss_cc' in name]
    assert len(found) == len(gradients) == 1
    assert 0 < losses[found[0]] < float('inf')
    for gradient in gradients:
        assert gradient.isfinite().all() and gradient.abs().max() > 0


def test_a_supernet_has_no_teacher_to_freeze():
    with pytest.raises(ValueError, match='the teacher of AutoSlim is the '
                       'largest subnet of the student, which is trained'):
        frozen_teacher(read(AUTOSLIM))


@pytest.mark.parametrize('freeze', [False, True])
def test_a_pruned_student(freeze):
    """Nothing is downloaded before the model of the run is built."""
    cfg = mix_cc(read(GROUP_FISHER))
    if freeze:
        cfg = frozen_teacher(cfg)
    # as if the weights of the pruned network were there
    architecture = cfg.model.architecture.algorithm
    architecture.init_cfg = architecture.architecture.init_cfg = None
    cfg.model.teacher.init_cfg = None
    model = MODELS.build(cfg.model)
    model.train()
    batch = model.data_preprocessor(data(), True)
    losses = model(**batch, mode='loss')
    assert set(losses) == {
        'student.loss', 'distill.loss_kl', 'distill.loss_cc'
    }
    assert 0 < losses['distill.loss_cc'] < float('inf')
    losses['distill.loss_cc'].backward()
    weight = model.student.backbone.conv1.weight
    assert weight.grad.isfinite().all() and weight.grad.abs().max() > 0
