"""Add the correlation congruence loss to a recipe."""
import copy
from typing import Dict, List, Optional, Union

from mmengine.config import Config
from mmengine.logging import print_log

from mmcckd.config_files.component_types import bare_type
from mmcckd.models.kinds import CLASSIFIER, kind_of
from mmcckd.models.losses import check_loss_weight

from .algorithm import distillation_of, import_mmcckd, mmrazor_type
from .connectors import (
    SIDES,
    Connectors,
    as_list,
    check_is_config,
    connectors_of_sides,
)
from .default_connectors import default_connectors, warn_of_few_samples
from .networks import build_networks
from .sampling import set_sampler
from .sources import Source, existing_recorder, find_recorders

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
           source: Union[Source, Dict[str, Source], None] = None,
           connector: Connectors = 'auto',
           kernel: dict = KERNEL,
           loss_weight: Optional[float] = None,
           sampler: Optional[str] = 'auto',
           samples_per_class: int = 4,
           student_projection: Union[dict, List[dict], None] = None,
           data_idx: Union[int, Dict[str, Optional[int]], None] = None
           ) -> Config:
    """Add ``β L_CC`` to the objective of a recipe for distillation.

    The distiller gets recorders ``cc_feature`` for student and teacher (or
    uses those of the recipe, if they already record the source), connectors
    ``cc_kernel_s`` and ``cc_kernel_t``, and ``loss_cc`` with its mapping.
    Other entries are not changed. ``configs/mix/`` has the complete results
    for some recipes.

    What is compared depends on the kind of the networks, unless it is given:

    - classifiers: the output of the neck, in class-uniform batches. If there
      is no neck, as in many transformers, it is the output of the backbone, if
      this is one vector for each image, or else the input of the last linear
      layer;
    - detectors of mmdet and mmdet3d: random positions of one level of the
      neck;
    - segmentors of mmsegmentation: random positions of the last output of the
      backbone.

    In recipes for search and pruning (``AutoSlim``, ``BigNAS``, ``DMCP``), the
    teacher is the largest subnet of the student's supernet. The choice is
    logged.

    Args:
        cfg (Config): The recipe. It is not changed.
        source (str | dict, optional): Name of the module that outputs the
            features; or ``dict(type='ModuleInputs', source=name)`` for its
            input. One for both networks, or ``dict(student=…, teacher=…)``. In
            MMRazor's data-free recipes with one teacher, a single name refers
            to a module of that teacher. Defaults to None, see above.
        connector (str | dict | list, optional): Config of a connector before
            projection and kernel, such as ``dict(type='PoolConnector')``, or
            a list of configs. ``student`` and ``teacher`` in the dict have the
            settings of one network. Without ``type``, the settings change the
            connector that is chosen by default. None for no connector.
            Defaults to "auto", see above.
        kernel (dict): Config of a kernel connector, for both networks.
            Defaults to the Gaussian RBF with its own defaults.
        loss_weight (float, optional): β ≥ 0. Defaults to None, the value of
            the ImageNet recipes in ``configs/cckd/``: 50 for the Gaussian
            RBF, 20 for MMD, 1e-5 for the bilinear kernel. They are not tuned;
            ``tools/suggest_beta.py`` suggests one for a recipe.
        sampler (str, optional): "CURSampler" for class-uniform batches,
            instead of the recipe's own order of samples; None to keep the
            data loader. Data-free recipes always keep it, since a generator
            creates their images. Defaults to "auto": "CURSampler" for
            classifiers with a single label for each image, or else None.
        samples_per_class (int): k of CURSampler. Defaults to 4, its default.
        student_projection (dict | list, optional): Config of a connector that
            maps the student's features, (n, d_s), to the width of the
            teacher's features before the kernel; a list of configs is applied
            in order. Defaults to None: kernels do not need features of the
            same width.
        data_idx (int | dict, optional): Index of the output to use if the
            source outputs a tuple, such as a backbone with several
            ``out_indices``; or ``dict(student=…, teacher=…)``. Defaults to
            None, for a source with one output, or a connector with a
            ``level``.

    Returns:
        Config: The new recipe, which imports mmcckd.

    Raises:
        ModuleNotFoundError: If a network belongs to a package that is not
            installed.
        TypeError: If ``loss_weight`` is not a number.
        ValueError: If the recipe has no distiller, no teacher, or a student
            that is not trained; a network has no module ``source``; the
            networks have no maps of the same size; a name is already used;
            the data loader already has a batch sampler, or there is no single
            label for each image; there is no default β for the kernel; or an
            argument is out of range or has the wrong type.
    """
    model = distillation_of(cfg, 'mix_cc', supernets=True)
    if not model.get('student_trainable', True):
        raise ValueError(
            'mix_cc needs a recipe that trains the student, but this one has '
            'student_trainable=False, so the loss would have no effect. Use '
            'the recipe that trains the student afterwards.')
    projection = as_list('student_projection', student_projection)
    check_is_config('kernel', kernel)
    if loss_weight is None:
        loss_weight = _usual_loss_weight(kernel)
    check_loss_weight('loss_weight', loss_weight)
    indices = _indices(data_idx)

    networks = dict(zip(SIDES, build_networks(cfg)))
    kind = kind_of(networks['student'])
    recorders = find_recorders(cfg, networks, source)
    connectors = connectors_of_sides(
        connector, lambda: default_connectors(networks, recorders, indices))
    if sampler == 'auto':
        sampler = 'CURSampler' if kind == CLASSIFIER else None
    _log_choice(kind, recorders, connectors, sampler)
    warn_of_few_samples(cfg, connectors)

    connectors['student'] += [dict(type='FlattenConnector'),
                              *projection] if projection else []
    added = {}
    names = {}
    for side, recorder in recorders.items():
        names[side] = existing_recorder(model.distiller, side, recorder)
        if names[side] is None:
            names[side] = RECORDER
            added[f'{side}_recorders'] = {RECORDER: _typed(cfg, recorder)}
    added.update(
        connectors={
            KERNELS[side]: _one_or_all([
                _typed(cfg, one) for one in (*connectors[side], kernel)
            ])
            for side in SIDES
        },
        distill_losses={
            LOSS: _typed(
                cfg,
                dict(type='CorrelationCongruenceLoss',
                     loss_weight=loss_weight))
        },
        loss_forward_mappings={
            LOSS: {
                argument: dict(
                    from_student=side == 'student',
                    recorder=names[side],
                    connector=KERNELS[side],
                    **({} if indices[side] is None else
                       dict(data_idx=indices[side])))
                for argument, side in zip(('preds_S', 'preds_T'), SIDES)
            }
        })
    _check_names(model.distiller, added)

    mixed = copy.deepcopy(cfg)
    distiller = mixed.model.distiller
    for part, entries in copy.deepcopy(added).items():
        distiller[part] = {**(distiller.get(part) or {}), **entries}
    if sampler is not None:
        set_sampler(mixed, sampler, samples_per_class, kind)
    import_mmcckd(mixed)
    return mixed


def _indices(data_idx) -> Dict[str, Optional[int]]:
    """Return ``data_idx`` of student and teacher."""
    sides = data_idx
    if not isinstance(sides, dict):
        sides = dict.fromkeys(SIDES, data_idx)
    if not set(sides) <= set(SIDES) or not all(
            index is None or type(index) is int for index in sides.values()):
        raise ValueError(
            'data_idx must be an int, or dict(student=int, teacher=int), but '
            f'is {data_idx!r}.')
    return {side: sides.get(side) for side in SIDES}


def _usual_loss_weight(kernel: dict) -> float:
    kind = bare_type(kernel)
    if kind not in LOSS_WEIGHTS:
        raise ValueError(
            f'mix_cc has no default loss_weight for the kernel {kind}, only '
            f'for {", ".join(LOSS_WEIGHTS)}; set loss_weight.')
    return LOSS_WEIGHTS[kind]


def _typed(cfg: Config, component: dict) -> dict:
    """Let the name of a type without a scope be found in MMRazor."""
    kind = component['type']
    if not isinstance(kind, str) or '.' in kind:
        return component
    return dict(component, type=mmrazor_type(cfg, kind))


def _one_or_all(configs: List[dict]) -> Union[dict, List[dict]]:
    return configs[0] if len(configs) == 1 else configs


def _log_choice(kind: str, recorders: Dict[str, dict],
                connectors: Dict[str, List[dict]],
                sampler: Optional[str]) -> None:
    sides = []
    for side in SIDES:
        recorder = recorders[side]
        what = 'input' if recorder['type'] == 'ModuleInputs' else 'output'
        used = ', '.join(
            f'{bare_type(one)}('
            f'{", ".join(f"{k}={v}" for k, v in one.items() if k != "type")})'
            for one in connectors[side])
        sides.append(f'the {what} of {side}.{recorder["source"]} with ' +
                     (used or 'no connector'))
    print_log(
        f'mix_cc: the student is a {kind}. CC compares {" and ".join(sides)}; '
        f'sampler={sampler}. The keys source, connector and sampler change '
        'this.',
        logger='current')


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
