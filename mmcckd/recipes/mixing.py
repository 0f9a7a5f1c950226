"""Add the correlation congruence loss to a recipe."""
import copy
import logging
from typing import Dict, List, Optional, Union

from mmengine.config import Config
from mmengine.logging import print_log

from mmcckd.config_files.component_types import bare_type
from mmcckd.models.find_module import find_module
from mmcckd.models.losses import check_loss_weight

from .algorithm import distillation_of, import_mmcckd
from .networks import build_networks

KERNEL = dict(type='GaussianRBFKernelConnector')
# β of the ImageNet recipes in configs/cckd/, not tuned for use with other
# losses; see docs/beta.md.
LOSS_WEIGHTS = dict(
    GaussianRBFKernelConnector=50.0,
    MMDKernelConnector=20.0,
    BilinearKernelConnector=1e-5)

# Names that mix_cc adds to a distiller.
RECORDER, LOSS = 'cc_feature', 'loss_cc'
KERNELS = dict(student='cc_kernel_s', teacher='cc_kernel_t')


def mix_cc(cfg: Config,
           source: Union[str, Dict[str, str]] = 'neck',
           kernel: dict = KERNEL,
           loss_weight: Optional[float] = None,
           sampler: Optional[str] = 'CURSampler',
           samples_per_class: int = 4,
           student_projection: Union[dict, List[dict], None] = None,
           data_idx: Union[int, Dict[str, Optional[int]], None] = None
           ) -> Config:
    """Add ``β L_CC`` to the objective of a recipe for distillation.

    The distiller gets recorders ``cc_feature`` for student and teacher (or
    uses those of the recipe, if they already record the source), kernel
    connectors ``cc_kernel_s`` and ``cc_kernel_t``, and ``loss_cc`` with its
    mapping. Other entries are not changed. ``configs/mix/`` has the complete
    results for some recipes.

    Args:
        cfg (Config): The recipe. It is not changed.
        source (str | dict): Name of the module that outputs the features; one
            name for both networks, or ``dict(student=…, teacher=…)``. In
            MMRazor's data-free recipes with one teacher, a single name refers
            to a module of that teacher. Defaults to "neck", the output of
            which is the input of the head in most classifiers of MMPretrain.
        kernel (dict): Config of a kernel connector, for both networks.
            Defaults to the Gaussian RBF with its own defaults.
        loss_weight (float, optional): β ≥ 0. Defaults to None, the value of
            the ImageNet recipes in ``configs/cckd/``: 50 for the Gaussian
            RBF, 20 for MMD, 1e-5 for the bilinear kernel. They are not tuned;
            ``tools/suggest_beta.py`` suggests one for a recipe.
        sampler (str, optional): "CURSampler" for class-uniform batches,
            instead of the recipe's own order of samples; None to keep the
            data loader. Data-free recipes always keep it, since a generator
            creates their images. Defaults to "CURSampler".
        samples_per_class (int): k of CURSampler. Defaults to 4, its default.
        student_projection (dict | list, optional): Config of a connector that
            maps the student's features, (n, d_s), to the width of the
            teacher's features before the kernel; a list of configs is applied
            in order. Defaults to None: kernels do not need features of the
            same width.
        data_idx (int | dict, optional): Index of the output to use if the
            source outputs a tuple, such as a backbone with several
            ``out_indices``; or ``dict(student=…, teacher=…)``. Defaults to
            None, for a source with one output.

    Returns:
        Config: The new recipe, which imports mmcckd.

    Raises:
        ModuleNotFoundError: If a network belongs to a package that is not
            installed.
        TypeError: If ``loss_weight`` is not a number.
        ValueError: If the recipe has no distiller, no teacher, or a student
            that is not trained; a network has no module ``source``; a name is
            already used; the data loader already has a batch sampler; there
            is no default β for the kernel; or an argument is out of range or
            has the wrong type.
    """
    model = distillation_of(cfg, 'mix_cc')
    if not model.get('student_trainable', True):
        raise ValueError(
            'mix_cc needs a recipe that trains the student, but this one has '
            'student_trainable=False, so the loss would have no effect. Use '
            'the recipe that trains the student afterwards.')
    projection = student_projection
    if not isinstance(projection, list):
        projection = [] if projection is None else [projection]
    _check_is_config('kernel', kernel)
    for connector in projection:
        _check_is_config('student_projection', connector)
    if loss_weight is None:
        loss_weight = _usual_loss_weight(kernel)
    check_loss_weight('loss_weight', loss_weight)
    chosen = _chosen_outputs(data_idx)

    added, recorders = {}, {}
    for side, name in _find_sources(cfg, source).items():
        recorders[side] = _find_recorder(model.distiller, side, name)
        if recorders[side] is None:
            recorders[side] = RECORDER
            added[f'{side}_recorders'] = {
                RECORDER: dict(type='ModuleOutputs', source=name)
            }
    added.update(
        connectors={
            KERNELS['student']:
            [dict(type='FlattenConnector'), *projection, kernel]
            if projection else kernel,
            KERNELS['teacher']:
            kernel
        },
        distill_losses={
            LOSS: dict(
                type='CorrelationCongruenceLoss', loss_weight=loss_weight)
        },
        loss_forward_mappings={
            LOSS: {
                argument: dict(
                    from_student=side == 'student',
                    recorder=recorders[side],
                    connector=KERNELS[side],
                    **chosen[side])
                for argument, side in (('preds_S', 'student'),
                                       ('preds_T', 'teacher'))
            }
        })
    _check_names(model.distiller, added)

    mixed = copy.deepcopy(cfg)
    distiller = mixed.model.distiller
    for part, entries in copy.deepcopy(added).items():
        distiller[part] = {**(distiller.get(part) or {}), **entries}
    if sampler is not None:
        _set_sampler(mixed, sampler, samples_per_class)
    import_mmcckd(mixed)
    return mixed


def _check_is_config(name: str, config: dict) -> None:
    if not isinstance(config, dict) or 'type' not in config:
        raise ValueError(
            f'{name} must be the config of a connector, dict(type=…), or on '
            f'the command line {name}.type=…, but is {config!r}.')


def _chosen_outputs(data_idx) -> Dict[str, dict]:
    """Return ``data_idx`` for the mappings of student and teacher."""
    sides = data_idx
    if not isinstance(sides, dict):
        sides = dict(student=data_idx, teacher=data_idx)
    if not set(sides) <= set(KERNELS) or not all(
            index is None or type(index) is int for index in sides.values()):
        raise ValueError(
            'data_idx must be an int, or dict(student=int, teacher=int), but '
            f'is {data_idx!r}.')
    return {
        side: {} if sides.get(side) is None else dict(data_idx=sides[side])
        for side in KERNELS
    }


def _usual_loss_weight(kernel: dict) -> float:
    kind = bare_type(kernel)
    if kind not in LOSS_WEIGHTS:
        raise ValueError(
            f'mix_cc has no default loss_weight for the kernel {kind}, only '
            f'for {", ".join(LOSS_WEIGHTS)}; set loss_weight.')
    return LOSS_WEIGHTS[kind]


def _find_sources(cfg: Config,
                  source: Union[str, Dict[str, str]]) -> Dict[str, str]:
    """Return the names of the modules to record in student and teacher."""
    if isinstance(source, str):
        sources = dict(student=source, teacher=source)
        teachers = cfg.model.get('teachers') or {}
        if len(teachers) == 1:
            sources['teacher'] = f'{next(iter(teachers))}.{source}'
    elif isinstance(source, dict) and set(source) == {'student', 'teacher'}:
        sources = dict(source)
    else:
        raise ValueError(
            'source must be the name of a module, or dict(student=name, '
            f'teacher=name), but is {source!r}.')
    student, teacher = build_networks(cfg)
    for side, network in (('student', student), ('teacher', teacher)):
        try:
            find_module(network, sources[side], side)
        except ValueError as error:
            raise ValueError(
                f'source does not fit the {side}: {error} If the networks '
                'have different modules, set both with source.student=… '
                'source.teacher=… or source=dict(student=…, teacher=…).'
            ) from None
    return sources


def _find_recorder(distiller: dict, side: str, source: str) -> Optional[str]:
    """Return the name of a recorder that already records the source."""
    for name, recorder in (distiller.get(f'{side}_recorders') or {}).items():
        if (bare_type(recorder) == 'ModuleOutputs'
                and recorder['source'] == source):
            return name
    return None


def _check_names(distiller: dict, added: Dict[str, dict]) -> None:
    taken = [
        f'{part}.{name}' for part, entries in added.items()
        for name in entries if name in (distiller.get(part) or {})
    ]
    if taken:
        raise ValueError(
            f'mix_cc adds {", ".join(taken)}, but the distiller of the recipe '
            'already has these names. If the recipe contains CC, change its '
            'settings there; otherwise, rename them in the recipe.')


def _set_sampler(cfg: Config, sampler: str, samples_per_class: int) -> None:
    if sampler != 'CURSampler':
        raise ValueError(
            f"sampler must be 'CURSampler' or None, but is {sampler!r}; for "
            'other samplers, use None and set train_dataloader.batch_sampler.')
    if cfg.model.get('teachers'):
        print_log(
            'mix_cc does not change the sampler of this data-free recipe, '
            'since a generator creates its images.',
            logger='current',
            level=logging.INFO)
        return
    loader = cfg.train_dataloader
    if loader.get('batch_sampler'):
        raise ValueError(
            'mix_cc sets a CURSampler, but train_dataloader has the '
            f'batch_sampler {loader.batch_sampler.type} already; set '
            'sampler=None to keep it, or remove it from the recipe.')
    # PyTorch does not allow drop_last together with a batch sampler.
    loader.pop('drop_last', None)
    # CURSampler only uses seed, epoch and rank of the sampler.
    if bare_type(loader.get('sampler') or {}) != 'DefaultSampler':
        loader.sampler = dict(type='DefaultSampler', shuffle=True)
    loader.batch_sampler = dict(
        type='CURSampler', samples_per_class=samples_per_class)
