"""Add correlation congruence to a recipe."""
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
# β of the recipes in configs/cckd/, none of them tuned for another loss. The
# kernels' values differ in size, and the loss squares them.
LOSS_WEIGHTS = dict(
    GaussianRBFKernelConnector=100.0,
    MMDKernelConnector=100.0,
    BilinearKernelConnector=1e-5)

# What mixing adds to a distiller.
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
    """Add ``β L_CC`` to the objective of a recipe that distils.

    The distiller gets a recorder ``cc_feature`` on either side (or one of the
    recipe's, if it listens to the source already), kernel connectors
    ``cc_kernel_s`` and ``cc_kernel_t``, and ``loss_cc`` with its mapping.
    What it had stays as it was. ``configs/mix/`` has the results in full.

    Args:
        cfg (Config): The recipe; it is left as it is.
        source (str | dict): The module whose output is the feature, of one
            name in both networks, or ``dict(student=…, teacher=…)``. In
            MMRazor's data-free recipes with one teacher, a single name is
            looked up in that teacher. Defaults to "neck", which gives the
            head of most classifiers in MMPretrain what it takes.
        kernel (dict): Config of a kernel connector, for both sides. Defaults
            to the Gaussian RBF with its own defaults.
        loss_weight (float, optional): β ≥ 0. Defaults to that of the recipes
            in ``configs/cckd/``: 100 for the Gaussian RBF and MMD, 1e-5 for
            the bilinear kernel. It is not tuned for any other loss.
        sampler (str, optional): "CURSampler" for class-uniform batches, in
            place of the recipe's own order of samples; None to leave the data
            as it is. Data-free recipes keep theirs: a generator makes their
            images. Defaults to "CURSampler".
        samples_per_class (int): k of CURSampler. Defaults to 4, its default.
        student_projection (dict | list, optional): Config of a connector from
            the student's features, (n, d_s), to the width of the teacher's,
            before the kernel; a list of configs is applied in turn. Defaults
            to None: kernels compare features of different widths.
        data_idx (int | dict, optional): Which output, where the source gives
            a tuple of several, as a backbone with several ``out_indices``
            does; or ``dict(student=…, teacher=…)``. Defaults to None, for a
            source that gives one.

    Returns:
        Config: An ordinary recipe that imports mmcckd.

    Raises:
        ModuleNotFoundError: If a network is of a package that is not
            installed.
        TypeError: If ``loss_weight`` is no number.
        ValueError: If the recipe has no distiller, no teacher, or a student
            that is not trained; a network has no module ``source``; a name is
            taken; the data loader has a batch sampler already; the kernel has
            no known β; or an argument is out of range or of the wrong type.
    """
    model = distillation_of(cfg, 'mix_cc')
    if not model.get('student_trainable', True):
        raise ValueError(
            'mix_cc takes a recipe that trains its student, but this one has '
            'student_trainable=False: the loss would reach no weight. Mix '
            'into the recipe that trains it afterwards.')
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
            f'{name} must be the config of a connector, dict(type=…), or on a '
            f'command line {name}.type=…, but is {config!r}.')


def _chosen_outputs(data_idx) -> Dict[str, dict]:
    """What either side's mapping says of the output to take."""
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
            f'mix_cc knows no usual loss_weight for the kernel {kind}, only '
            f'for {", ".join(LOSS_WEIGHTS)}; give loss_weight.')
    return LOSS_WEIGHTS[kind]


def _find_sources(cfg: Config,
                  source: Union[str, Dict[str, str]]) -> Dict[str, str]:
    """The name of the module to record on either side."""
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
                f'source does not fit the {side}: {error} Where the networks '
                'differ, give both, as source.student=… source.teacher=… or '
                'source=dict(student=…, teacher=…).') from None
    return sources


def _find_recorder(distiller: dict, side: str, source: str) -> Optional[str]:
    """The name of a recorder that listens to the source already."""
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
            'has these already. If CC is in it, change its settings there; '
            'otherwise rename them in the recipe.')


def _set_sampler(cfg: Config, sampler: str, samples_per_class: int) -> None:
    if sampler != 'CURSampler':
        raise ValueError(
            f"sampler must be 'CURSampler' or None, but is {sampler!r}; for "
            'another, give None and set train_dataloader.batch_sampler.')
    if cfg.model.get('teachers'):
        print_log(
            'mix_cc leaves the sampler of this data-free recipe: a generator '
            'makes its images.',
            logger='current',
            level=logging.INFO)
        return
    loader = cfg.train_dataloader
    if loader.get('batch_sampler'):
        raise ValueError(
            'mix_cc sets a CURSampler, but train_dataloader has the '
            f'batch_sampler {loader.batch_sampler.type} already; give '
            'sampler=None to keep it, or remove it from the recipe.')
    loader.pop('drop_last', None)  # torch allows no other beside it
    # CUR draws by its own plan; of a sampler it takes seed, epoch and rank.
    if bare_type(loader.get('sampler') or {}) != 'DefaultSampler':
        loader.sampler = dict(type='DefaultSampler', shuffle=True)
    loader.batch_sampler = dict(
        type='CURSampler', samples_per_class=samples_per_class)
