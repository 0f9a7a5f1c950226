"""Which records of a teacher are stored, and whether they can be."""
import logging
from typing import Dict, List, Mapping, Optional

from mmengine.logging import print_log
from torch import nn

from ..kinds import is_dense, kind_of
from .batch_mixing import TURN_OFF, batch_augment_names


def used_sources(distiller: nn.Module) -> Dict[str, List[str]]:
    """Group the teacher recorders that a loss uses by what they record.

    Args:
        distiller (ConfigurableDistiller): The distiller.

    Returns:
        Dict[str, List[str]]: Names of recorders by source, which is the type
        and the source of the recorders, such as "ModuleOutputs:head.fc".
        Recipes with other names of recorders can then share a store.

    Raises:
        ValueError: If a loss uses parameters of the teacher.
    """
    names = dict.fromkeys(
        record['recorder']
        for mapping in distiller.loss_forward_mappings.values()
        for record in mapping.values() if not record['from_student'])
    sources: Dict[str, List[str]] = {}
    for name in names:
        recorder = distiller.teacher_recorders.recorders[name]
        kind = type(recorder).__name__.replace('Recorder', '')
        if kind == 'Parameter':
            raise ValueError(
                f'teacher_recorders.{name} records a parameter of the '
                f'teacher, {recorder.source}, but a teacher store has records '
                'of samples only. Record the outputs of a module, or remove '
                'teacher_store.')
        sources.setdefault(f'{kind}:{recorder.source}', []).append(name)
    return sources


def check_storable(model: nn.Module) -> None:
    """Raise if the teacher's records cannot replace the teacher.

    Args:
        model (FrozenTeacherDistill): The model.

    Raises:
        ValueError: If it is a detector or segmentor, or has deliveries or
            batch augmentations.
    """
    if is_dense(model.teacher):
        raise ValueError(
            f'A teacher store cannot be used with a {kind_of(model.teacher)}: '
            'the images of a batch are padded to a common size, on which the '
            'records depend, and each image has its own size. Remove '
            'teacher_store.')
    deliveries = model.distiller.deliveries.deliveries
    if deliveries:
        raise ValueError(
            'A teacher store cannot be used with distill_deliveries '
            f'({", ".join(deliveries)}): they pass on what is computed in the '
            'forward pass of the teacher, which is left out. Remove the '
            'deliveries or teacher_store.')
    names = batch_augment_names(model.data_preprocessor)
    if names:
        raise ValueError(
            f'A teacher store cannot be used with {" and ".join(names)}, '
            'which mixes each image with other ones in each epoch. '
            f'{TURN_OFF}, or remove teacher_store.')


def top_k_by_source(sources: Mapping[str, List[str]],
                    top_k: Mapping[str, int]) -> Dict[str, Optional[int]]:
    """Determine how many logits of each source are stored.

    Args:
        sources (Mapping[str, List[str]]): Names of recorders by source.
        top_k (Mapping[str, int]): k by the name of a recorder.

    Returns:
        Dict[str, int | None]: k by source, None for all logits.

    Raises:
        ValueError: If a name is unknown, or recorders of one source have
            different k.
    """
    names = [name for group in sources.values() for name in group]
    unknown = [repr(name) for name in top_k if name not in names]
    if unknown:
        raise ValueError(
            f'teacher_store.top_k has {", ".join(unknown)}, but the losses '
            f'use the teacher recorders {", ".join(names) or "none"}.')
    found = {}
    for source, group in sources.items():
        found[source], *others = {top_k.get(name) for name in group}
        if others:
            raise ValueError(
                f'The teacher recorders {" and ".join(group)} record the '
                f'same, {source}, but teacher_store.top_k has {dict(top_k)}. '
                'Set the same k for them.')
    return found


def warn_of_temperatures(distiller: nn.Module,
                         top_k: Mapping[str, int]) -> None:
    """Warn if a loss uses the largest logits at a temperature other than 1.

    Args:
        distiller (ConfigurableDistiller): The distiller.
        top_k (Mapping[str, int]): k by the name of a recorder.
    """
    for loss, mapping in distiller.loss_forward_mappings.items():
        tau = getattr(distiller.distill_losses[loss], 'tau', 1)
        names = [
            record['recorder'] for record in mapping.values()
            if not record['from_student'] and record['recorder'] in top_k
        ]
        if names and tau != 1:
            print_log(
                f'{loss} has tau={tau:g}, but teacher_store.top_k keeps the '
                f'probabilities of the logits of {names[0]} at a temperature '
                'of 1: the gradients of the loss change. Store all logits, or '
                'set tau=1.',
                logger='current',
                level=logging.WARNING)
