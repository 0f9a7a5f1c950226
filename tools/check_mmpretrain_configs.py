"""Distill with MMPretrain's classifiers, each as student and as teacher.

    python tools/check_mmpretrain_configs.py
    python tools/check_mmpretrain_configs.py --architectures resnet vgg
    python tools/check_mmpretrain_configs.py --out table.md

All configs of MMPretrain with an ImageClassifier are checked that are directly
in the folder of an architecture: 369 configs in MMPretrain 1.2.0. For each
config, FrozenTeacherDistill is built twice, with a small ResNet as the other
network, with CC, and with KD if the head outputs logits. Parameters are on the
meta device if the network can be built there. The smallest classifier of each
architecture is then trained for one iteration in both roles, with random
weights and two random images of its image size. The losses must be finite,
and loss_cc must give the student a gradient.

The tool prints a table and the reasons for refusals. It fails if there are
other errors.
"""
import argparse
import gc
import math
import sys
import time
import traceback
import warnings
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path
from typing import Callable, Dict, List, Sequence

import mmpretrain
import torch
from classifier_facts import Facts, Source, find_facts, network_of, on
from mmengine.config import Config, ConfigDict
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmpretrain.structures import DataSample
from mmrazor.registry import MODELS
from torch import Tensor, nn

from mmcckd.files.atomic import check_writable

FOLDER = Path(mmpretrain.__file__).parent / '.mim/configs'
STUDENT, TEACHER = ROLES = ('student', 'teacher')
BATCH_SIZE = 2
COLUMNS = ('config', 'parameters', 'image', 'feature', 'logits',
           *(f'as {role}' for role in ROLES))
LOSSES = dict(
    loss_cc=dict(type='CorrelationCongruenceLoss'),
    loss_kd=dict(type='KLDivergence', tau=4.0))

# Configs that are refused: a part of the error, and the reason for the table.
REASONS = {
    'has no head': 'it has no head, so no loss of its own to be trained with',
    'which MMPretrain evaluates but does not train': 'MMPretrain evaluates '
    'its head of two classifiers, but does not train it; '
    '`head.distillation=False` gives one',
    'BatchCutMix is not in the mmpretrain::batch augment': 'MMPretrain has no '
    'BatchCutMix, which the config names; CutMix is meant',
}


def classifiers(architectures: List[str]) -> Dict[str, Config]:
    """Return MMPretrain's classifier configs by name.

    If no architectures are given, the configs of all are returned.
    """
    configs = {}
    for path in sorted(FOLDER.glob('*/*.py')):
        name = path.relative_to(FOLDER)
        if name.parts[0] == '_base_' or architectures and (
                name.parts[0] not in architectures):
            continue
        try:
            cfg = Config.fromfile(path)
        except Exception as error:
            print(f'MMEngine cannot read {name}: {one_line(error)}',
                  file=sys.stderr)
            continue
        if (cfg.get('model') or {}).get('type') == 'ImageClassifier':
            configs[name.as_posix()] = cfg
    return configs


def distillation(cfg: Config, facts: Facts, role: str) -> ConfigDict:
    """Return the config of a distillation with the network in this role."""
    network = network_of(cfg)
    preprocessor = dict(
        type='mmpretrain.ClsDataPreprocessor',
        **cfg.get('data_preprocessor', {}))
    multi_label = preprocessor.get('to_onehot')
    small = dict(
        _scope_='mmpretrain',
        type='ImageClassifier',
        backbone=dict(
            type='ResNet',
            depth=18,
            base_channels=8,
            stem_channels=8,
            # Feature maps of one pixel would be equal for both images.
            strides=(1, 2, 2, 1),
            in_channels=facts.size[0]),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(
            type='MultiLabelLinearClsHead'
            if multi_label else 'LinearClsHead',
            num_classes=facts.num_classes,
            in_channels=64))
    distiller = ConfigDict(
        type='ConfigurableDistiller',
        student_recorders=dict(),
        teacher_recorders=dict(),
        connectors=dict(kernel=dict(type='GaussianRBFKernelConnector')),
        distill_losses=dict(),
        loss_forward_mappings=dict())
    terms = [('loss_cc', facts.feature, Source('neck'),
              dict(connector='kernel'))]
    if facts.logits is not None:
        terms.append(('loss_kd', facts.logits, Source('head.fc'), dict()))
    for loss, own, other, connector in terms:
        student, teacher = (own, other) if role == STUDENT else (other, own)
        distiller.student_recorders[loss] = student.recorder()
        distiller.teacher_recorders[loss] = teacher.recorder()
        distiller.distill_losses[loss] = LOSSES[loss]
        distiller.loss_forward_mappings[loss] = {
            argument: dict(
                from_student=source is student,
                recorder=loss,
                data_idx=source.data_idx,
                **connector)
            for argument, source in (('preds_S', student), ('preds_T',
                                                            teacher))
        }
    return ConfigDict(
        type='FrozenTeacherDistill',
        data_preprocessor=preprocessor,
        architecture=network if role == STUDENT else small,
        teacher=network if role == TEACHER else small,
        distiller=distiller)


def train(model: ConfigDict, facts: Facts) -> None:
    """Train for one iteration, and check the losses.

    Raises:
        ArithmeticError: If a loss is missing or not finite, or the gradient of
            the CC loss is zero or not finite.
    """
    torch.manual_seed(0)
    algorithm = MODELS.build(model)
    algorithm.init_weights()
    algorithm.train()
    wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01))
    optim_wrapper = build_optim_wrapper(algorithm, wrapper)
    check = GradientCheck(algorithm)
    batch = dict(
        inputs=list(
            torch.randint(256, (BATCH_SIZE, *facts.size), dtype=torch.uint8)),
        data_samples=[
            DataSample().set_gt_label([label]) for label in range(BATCH_SIZE)
        ])
    losses = algorithm.train_step(batch, optim_wrapper)
    names = {'distill.loss_cc'}
    if facts.logits is not None:
        names.add('distill.loss_kd')
    values = {
        name: float(value)
        for name, value in losses.items() if 'loss' in name
    }
    if not names <= set(values) or not all(map(math.isfinite,
                                               values.values())):
        raise ArithmeticError(f'The losses are {values}.')
    if not 0 < check.largest < math.inf:
        raise ArithmeticError(
            'The gradient of loss_cc for the first trained weights of the '
            f'student must be finite and not zero, but is {check.largest}.')


class GradientCheck:
    """Measure the gradient of the CC loss in the student."""

    def __init__(self, algorithm: nn.Module) -> None:
        self.weights = [
            weight for weight in algorithm.architecture.parameters()
            if weight.requires_grad
        ]
        self.largest = 0.0  # absolute value in the gradient
        algorithm.distiller.distill_losses['loss_cc'].register_forward_hook(
            self.measure)

    def measure(self, module, inputs, loss: Tensor) -> None:
        gradients = torch.autograd.grad(
            loss, self.weights[:8], retain_graph=True, allow_unused=True)
        self.largest = max((gradient.abs().max().item()
                            for gradient in gradients if gradient is not None),
                           default=0.0)


def check_architecture(configs: Dict[str, Config]) -> List[dict]:
    """Check the configs of an architecture, and return rows of the table."""
    rows, found = [], {}
    for name, cfg in configs.items():
        row = dict(config=f'`{name}`')
        rows.append(row)
        try:
            facts = find_facts(cfg)
        except Exception as error:
            row.update({f'as {role}': outcome(error) for role in ROLES})
            continue
        found[name] = facts
        row.update(
            parameters=f'{facts.parameters / 1e6:.1f} M',
            image=' × '.join(map(str, facts.size)),
            feature=str(facts.feature),
            logits=str(facts.logits or 'none'))
        for role in ROLES:
            row[f'as {role}'] = attempt(
                'is built', build, distillation(cfg, facts, role),
                facts.device)
    if found:
        smallest = min(
            found,
            key=lambda name:
            (found[name].logits is None, found[name].parameters))
        row = rows[list(configs).index(smallest)]
        cfg, facts = configs[smallest], found[smallest]
        for role in ROLES:
            if row[f'as {role}'] == 'is built':
                start = time.perf_counter()
                row[f'as {role}'] = attempt(
                    'runs', train, distillation(cfg, facts, role), facts)
                print(
                    f'{smallest} as {role}: '
                    f'{time.perf_counter() - start:.0f} s',
                    file=sys.stderr)
                gc.collect()
    return rows


def build(model: ConfigDict, device: str) -> None:
    with on(device):
        MODELS.build(model)


def attempt(success: str, function: Callable, *args) -> str:
    """Call a function, and return the text for the table."""
    try:
        function(*args)
        return success
    except Exception as error:
        return outcome(error)


def outcome(error: Exception) -> str:
    for fragment, reason in REASONS.items():
        if fragment in str(error):
            return f'refused: {reason}'
    traceback.print_exception(error)
    return f'**fails**: {one_line(error)}'


def one_line(error: Exception) -> str:
    return ' '.join(f'{type(error).__name__}: {error}'.split())


def reasons(rows: List[dict]) -> List[str]:
    """Count the outcomes, and return the lines of a table."""
    counts = Counter(
        (row[f'as {role}'], role) for row in rows for role in ROLES)
    outcomes = sorted({outcome for outcome, _ in counts})
    return table(('outcome', *(f'as {role}' for role in ROLES)), [{
        'outcome': outcome,
        **{f'as {role}': str(counts[outcome, role])
           for role in ROLES}
    } for outcome in outcomes])


def table(columns: Sequence[str], rows: List[dict]) -> List[str]:
    lines = [columns, ['---'] * len(columns)]
    lines += [[row.get(column, '').replace('|', '\\|') for column in columns]
              for row in rows]
    return [f'| {" | ".join(line)} |' for line in lines]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--architectures',
        nargs='+',
        default=[],
        metavar='NAME',
        help="folders of MMPretrain's configs; defaults to all folders")
    parser.add_argument(
        '--out', type=Path, help='file for the tables, in Markdown')
    args = parser.parse_args()
    configs = classifiers(args.architectures)
    architectures = sorted({name.partition('/')[0] for name in configs})
    unknown = set(args.architectures) - set(architectures)
    if unknown:
        parser.error('MMPretrain has no classifier configs of '
                     f'{", ".join(sorted(unknown))}.')
    if args.out:
        check_writable(args.out)
    warnings.simplefilter('ignore')
    MMLogger.get_current_instance().setLevel('ERROR')

    rows = []
    print(*table(COLUMNS, []), sep='\n', flush=True)
    for architecture in architectures:
        with redirect_stdout(sys.stderr):
            new = check_architecture({
                name: cfg
                for name, cfg in configs.items()
                if name.startswith(f'{architecture}/')
            })
        print(*table(COLUMNS, new)[2:], sep='\n', flush=True)
        rows += new
    summary = reasons(rows)
    print('', *summary, sep='\n')
    if args.out:
        args.out.write_text(
            '\n'.join([*summary, '', *table(COLUMNS, rows), '']))
    failed = sum(
        any('**fails**' in row[f'as {role}'] for role in ROLES)
        for row in rows)
    if failed:
        sys.exit(f'{failed} of {len(rows)} configs failed; see above.')


if __name__ == '__main__':
    main()
