"""Test a model from a config and a checkpoint."""
import argparse
import copy

from mmcckd.arguments import add_config_arguments, add_loader_arguments


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_config_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--out', metavar='FILE', help='write the --out-item to a file')
    parser.add_argument(
        '--out-item',
        choices=['metrics', 'pred'],
        help='what to write to --out: the metrics (json, yaml or pkl) or all '
        'predictions (pkl); defaults to pred')
    parser.add_argument(
        '--amp', action='store_true', help='use automatic mixed precision')
    parser.add_argument(
        '--show', action='store_true', help='show predictions in a window')
    parser.add_argument(
        '--show-dir', help='folder for images of the predictions')
    parser.add_argument(
        '--interval', type=int, default=1, help='show every n-th sample')
    parser.add_argument(
        '--wait-time',
        type=float,
        default=2,
        help='seconds for which --show displays an image')
    parser.add_argument(
        '--tta',
        action='store_true',
        help='use test-time augmentation: with tta_model and tta_pipeline of '
        'the config, or else with the mean of the scores of each image and '
        'its mirror image')
    add_loader_arguments(parser)
    args = parser.parse_args()
    if args.out_item is not None and args.out is None:
        parser.error('--out-item needs --out, the file to write to')
    if 'load_from' in (args.cfg_options or {}):
        parser.error('--cfg-options load_from=… would change nothing: a test '
                     'loads the checkpoint given as argument')
    return args


def main() -> None:
    args = parse_args()

    # Imported after the arguments are parsed, since this takes seconds.
    import mmengine
    from mmengine.evaluator import DumpResults

    from mmcckd.config_files.without_weights import without_weights
    from mmcckd.datasets.imagenet_layout import check_imagenet_layout
    from mmcckd.datasets.loaders import check_loader
    from mmcckd.engine import build_runner, init_distributed, load_config
    from mmcckd.engine.host_defaults import fill_in_loaders
    from mmcckd.engine.tta import set_test_time_augmentation

    cfg = load_config(args)
    fill_in_loaders(cfg, args)
    given = copy.deepcopy(cfg)
    cfg.load_from, cfg.resume = args.checkpoint, False

    # Only the student is tested. The teacher may not be on this machine.
    if 'distiller' in cfg.model:
        cfg.model = without_weights(cfg.model)
    if args.amp:
        cfg.test_cfg.fp16 = True
    if args.show or args.show_dir is not None:
        cfg.default_hooks.visualization = dict(
            type='VisualizationHook',
            enable=True,
            show=args.show,
            wait_time=args.wait_time,
            out_dir=args.show_dir,
            interval=args.interval)

    if cfg.get('test_dataloader'):
        check_loader(cfg, 'test_dataloader')
        check_imagenet_layout(cfg.test_dataloader.dataset)
    if args.tta:
        set_test_time_augmentation(cfg)

    init_distributed(args.launcher, cfg)
    runner = build_runner(cfg)
    # The runner has replaced the config of the training in the work dir.
    runner.cfg = given
    runner.dump_config()
    if args.out is not None and args.out_item != 'metrics':
        runner.test_evaluator.metrics.append(
            DumpResults(out_file_path=args.out))
    metrics = runner.test()
    if args.out_item == 'metrics':
        mmengine.dump(metrics, args.out)


if __name__ == '__main__':
    main()
