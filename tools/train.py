"""Train a model from a config."""
import argparse
from pathlib import Path

from mmcckd.arguments import (
    add_config_arguments,
    add_loader_arguments,
    add_mixing_arguments,
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_config_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='resume from a checkpoint; without a value, from the latest '
        'checkpoint in the work dir')
    parser.add_argument(
        '--amp',
        action='store_true',
        help='use automatic mixed precision: float16 on a GPU, bfloat16 on a '
        'CPU; --cfg-options optim_wrapper.dtype=bfloat16 sets it for a GPU, '
        'too')
    parser.add_argument(
        '--no-validate',
        action='store_true',
        help='do not validate during training')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='multiply the learning rate by the actual batch size, divided by '
        'auto_scale_lr.base_batch_size of the config')
    add_loader_arguments(parser)
    add_mixing_arguments(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()

    # Imported after the arguments are parsed, since this takes seconds.
    from mmcckd.datasets.imagenet_layout import check_imagenet_layout
    from mmcckd.datasets.loaders import check_loader
    from mmcckd.engine import build_runner, init_distributed, load_config
    from mmcckd.engine.host_defaults import fill_in_loaders
    from mmcckd.recipes.mixing_arguments import mix

    cfg = mix(load_config(args), args)
    fill_in_loaders(cfg, args)

    if args.resume is not None:
        cfg.resume = True
        cfg.load_from = checkpoint_to_resume(args.resume, cfg.work_dir)
    if args.amp:
        use_amp(cfg)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise ValueError(
                f'--auto-scale-lr was given, but {args.config} has no '
                'auto_scale_lr.base_batch_size; add auto_scale_lr=dict('
                'base_batch_size=N) with the batch size N for which its '
                'learning rate is set.')
        cfg.auto_scale_lr.enable = True
    for name in ('train_dataloader', 'val_dataloader'):
        if cfg.get(name):
            check_loader(cfg, name)
            check_imagenet_layout(cfg[name].dataset)

    init_distributed(args.launcher, cfg)
    build_runner(cfg).train()


def use_amp(cfg) -> None:
    """Train in mixed precision."""
    from mmengine.device import get_device

    wrapper = cfg.optim_wrapper
    wrapper.type = 'AmpOptimWrapper'
    wrapper.setdefault('loss_scale', 'dynamic')
    if get_device() != 'cpu':
        return
    dtype = wrapper.setdefault('dtype', 'bfloat16')
    if str(dtype) not in ('bfloat16', 'torch.bfloat16'):
        raise ValueError(
            f'--amp with optim_wrapper.dtype={dtype}, but PyTorch finds no '
            'GPU; on a CPU, use bfloat16, the default.')


def checkpoint_to_resume(resume: str, work_dir: str) -> str:
    """Return the checkpoint for ``--resume``; "auto" is the latest one."""
    from mmengine.fileio import exists

    if resume != 'auto':
        if not exists(resume):
            raise FileNotFoundError(f'--resume {resume}: no such checkpoint.')
        return resume
    latest = Path(work_dir) / 'last_checkpoint'
    if not latest.exists():
        raise FileNotFoundError(
            f'--resume was given, but there is nothing to resume: {work_dir} '
            'has no last_checkpoint, which a run writes with its first '
            'checkpoint. Remove --resume to start a new run, or give a '
            'checkpoint or another --work-dir.')
    checkpoint = latest.read_text().strip()
    if not exists(checkpoint):
        raise FileNotFoundError(
            f'--resume was given, but the checkpoint {checkpoint}, which is '
            f'named in {latest}, does not exist. If the folder was moved, '
            'give the checkpoint: --resume '
            f'{latest.with_name(Path(checkpoint).name)}')
    return checkpoint


if __name__ == '__main__':
    main()
