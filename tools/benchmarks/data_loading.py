"""Measure the steps of loading images.

    python tools/benchmarks/data_loading.py [RECIPE …]
        [--start-method spawn]

The images are generated JPEG files of noise and edges, about as large as those
of the real data set. The output has, in milliseconds of processor time,

- for each decoder, the time to decode an image, the speed relative to OpenCV,
  and the largest difference of a pixel value from OpenCV's image; turbojpeg
  requires PyTurboJPEG
- for each recipe, the time of the steps of its training pipeline for one image
- for the first recipe, the time of a loader for one image, and the seconds
  until it returns the first batch of the first and of a later epoch

The processor time of the loader is that of all its processes. ``images/s`` is
what one core loads if it does nothing else. Unlike processor time, the seconds
depend on other processes of the machine.
"""
import argparse
import io
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, Sequence, Tuple

import cv2
import mmcv
import numpy as np
from mmengine import fileio
from mmengine.config import Config
from mmengine.dataset import default_collate
from mmengine.registry import MODELS, TRANSFORMS, init_default_scope
from mmengine.runner import Runner
from PIL import Image

from mmcckd.datasets.transforms.load_image import check_jpeg_is_complete
from mmcckd.engine.config_arguments import read_config

CONFIGS = Path(__file__).parents[2] / 'configs/cckd'
# Recipe -> height and width of typical images.
RECIPES = dict(
    r50_r18_in1k=(375, 500),
    r50_mbv2_in1k=(375, 500),
    r50_mbv2_msmt17=(280, 110))
BATCH = 32
QUALITY = 95  # with which the files of ImageNet have about their real size
LOADERS = (  # arguments of a loader
    dict(num_workers=0),
    dict(num_workers=1, persistent_workers=True),
    dict(num_workers=2, persistent_workers=True),
    dict(num_workers=5, persistent_workers=True),
    dict(num_workers=2, persistent_workers=False),
    dict(
        num_workers=2,
        persistent_workers=True,
        collate_fn=dict(type='pseudo_collate')),
)


def draw(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Draw noise of all scales and ellipses with sharp edges."""
    image = np.zeros((height, width, 3), np.float32)
    for size in 2**np.arange(1, 10):
        noise = rng.normal(size=(size, size, 1)) + rng.normal(
            scale=0.25, size=(size, size, 3))
        image += cv2.resize(
            noise / size**0.8, (width, height), interpolation=cv2.INTER_CUBIC)
    image = 120 + 45 * image / image.std()
    for _ in range(25):
        mask = np.zeros((height, width), np.uint8)
        center = int(rng.integers(width)), int(rng.integers(height))
        axes = tuple(map(int, rng.integers(5, height // 5, 2)))
        cv2.ellipse(mask, center, axes, rng.uniform(0, 180), 0, 360, 255, -1,
                    cv2.LINE_AA)
        image += rng.uniform(-60, 60, 3) * (mask[..., None] / 255)
    image += rng.normal(scale=5, size=(height, width, 1))
    return image.clip(0, 255).astype(np.uint8)


def write_images(folder: Path, shape: Tuple[int, int], count: int) -> float:
    """Write JPEG files of two classes, and return their mean size in kB."""
    rng = np.random.default_rng(0)
    for i in range(count):
        path = folder / f'class{i % 2}' / f'{i}.jpg'
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(
            str(path), draw(*shape, rng), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return statistics.mean(
        path.stat().st_size for path in folder.rglob('*.jpg')) / 1e3


def measure(functions: Dict[str, Callable], inputs: Sequence,
            repetitions: int) -> Dict[str, float]:
    """Return the median milliseconds that each function needs for an input."""
    times = {name: [] for name in functions}
    for _ in range(repetitions + 1):
        for name, function in functions.items():  # in turn
            start = time.thread_time()
            for value in inputs:
                function(value)
            times[name].append((time.thread_time() - start) / len(inputs))
    return {
        name: 1e3 * statistics.median(values[1:])
        for name, values in times.items()
    }


def decoders() -> Dict[str, Callable]:
    """Return functions from the content of a file to a BGR image."""

    def pillow_draft(content: bytes) -> np.ndarray:
        image = Image.open(io.BytesIO(content))
        image.draft('RGB', (image.width // 2, image.height // 2))
        return np.array(image)[..., ::-1]

    found = {
        'OpenCV': mmcv.imfrombytes,
        'Pillow': lambda content: mmcv.imfrombytes(content, backend='pillow'),
        'OpenCV, half the size':
        lambda content: mmcv.imfrombytes(content, cv2.IMREAD_REDUCED_COLOR_2),
        'Pillow, half the size': pillow_draft,
    }
    try:
        from turbojpeg import TurboJPEG
        found['turbojpeg'] = TurboJPEG().decode
    except (ImportError, RuntimeError) as error:
        print(f'(without turbojpeg: {error})\n')
    return found


def report_decoders(folder: Path, repetitions: int) -> None:
    contents = [path.read_bytes() for path in folder.rglob('*.jpg')]
    functions = decoders()
    times = measure(functions, contents, repetitions)
    expected = [functions['OpenCV'](content) for content in contents]
    print('| decoder | ms | speed | largest difference |\n'
          '|---|---:|---:|---:|')
    for name, decode in functions.items():
        images = [decode(content) for content in contents]
        if images[0].shape != expected[0].shape:
            difference = 'other size'
        else:
            difference = max(
                np.abs(image.astype(int) - other).max()
                for image, other in zip(images, expected))
        print(f'| {name} | {times[name]:.2f} | '
              f'{times["OpenCV"] / times[name]:.2f} | {difference} |')


def dataset_of(cfg: Config, folder: Path) -> dict:
    return dict(
        type='CustomDataset',
        data_root=str(folder),
        pipeline=cfg.train_dataloader.dataset.pipeline)


def report_steps(cfg: Config, folder: Path, repetitions: int) -> None:
    """Measure the steps of a training pipeline, one after the other."""
    loader = Runner.build_dataloader(
        dict(
            batch_size=BATCH,
            num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=False),
            dataset=dataset_of(cfg, folder)))
    dataset = loader.dataset
    samples = [dataset.get_data_info(i) for i in range(len(dataset))]
    contents = [fileio.get(sample['img_path']) for sample in samples]
    load, *others = dataset.pipeline.transforms
    stock = TRANSFORMS.build(dict(type='LoadImageFromFile'))
    parts = measure(
        {
            '– reading the file': lambda i: fileio.get(samples[i]['img_path']),
            '– checking that the JPEG is complete':
            lambda i: check_jpeg_is_complete(contents[i]),
            '– decoding': lambda i: mmcv.imfrombytes(contents[i]),
            "(MMPretrain's `LoadImageFromFile`)":
            lambda i: stock(dict(samples[i])),
            '`LoadImage`': lambda i: load(dict(samples[i])),
        }, range(len(dataset)), repetitions)
    steps = measure({'entry of the data set': dataset.get_data_info},
                    range(len(dataset)), repetitions)
    steps['`LoadImage`'] = parts.pop('`LoadImage`')
    current = [load(sample) for sample in samples]
    for transform in others:  # which change the sample
        name = f'`{type(transform).__name__}`'
        steps.update(
            measure({name: lambda sample, call=transform: call(dict(sample))},
                    current, repetitions))
        current = [transform(dict(sample)) for sample in current]
    current = current[:BATCH]
    collated = measure({0: default_collate}, [current], repetitions)[0]
    steps['collation'] = collated / len(current)
    total = sum(steps.values())
    normalized = measure({0: MODELS.build(cfg.data_preprocessor)},
                         [default_collate(current)], repetitions)[0]
    normalization = normalized / len(current)
    print('| step | ms |\n|---|---:|')
    for name, value in steps.items():
        print(f'| {name} | {value:.3f} |')
        if name == '`LoadImage`':
            for part, value in parts.items():
                print(f'| {part} | {value:.3f} |')
    print(f'| **sum** | **{total:.2f}** = {1e3 / total:,.0f} images/s |\n'
          f'| normalization, in the main process | {normalization:.3f} |')


def processor_seconds() -> np.ndarray:
    """Return the processor time of this process and of those that ended."""
    usages = map(resource.getrusage,
                 (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return np.array([usage.ru_utime + usage.ru_stime for usage in usages])


def report_loaders(cfg: Config, folder: Path, epochs: int,
                   start_method: str) -> None:
    print('| loader | ms, main process | ms, all | images/s | '
          'first batch, s | of a later epoch, s |\n'
          '|---|---:|---:|---:|---:|---:|')
    for arguments in LOADERS:
        settings = dict(
            batch_size=BATCH,
            sampler=dict(type='DefaultSampler', shuffle=True),
            collate_fn=dict(type='default_collate'),
            dataset=dataset_of(cfg, folder))
        settings.update(arguments)
        if arguments['num_workers']:
            settings['multiprocessing_context'] = start_method
        loader = Runner.build_dataloader(settings)
        before, first = processor_seconds(), []
        for _ in range(epochs):
            start = time.perf_counter()
            batches = iter(loader)
            next(batches)
            first.append(time.perf_counter() - start)
            for _ in batches:
                pass
        size = len(loader.dataset) * epochs
        del batches, loader  # which ends the workers
        main, workers = 1e3 * (processor_seconds() - before) / size
        name = ', '.join(
            f'{key}={value["type"] if isinstance(value, dict) else value}'
            for key, value in arguments.items())
        print(f'| {name} | {main:.2f} | {main + workers:.2f} | '
              f'{1e3 / (main + workers):,.0f} | {first[0]:.2f} | '
              f'{statistics.median(first[1:]):.2f} |')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('recipes', nargs='*', default=list(RECIPES))
    parser.add_argument('--images', type=int, default=256)
    parser.add_argument('--repetitions', type=int, default=9)
    parser.add_argument('--epochs', type=int, default=5)
    parser.add_argument(
        '--start-method', choices=['fork', 'spawn'], default='fork',
        help='how a loader starts its workers')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cv2.setNumThreads(0)  # as MMEngine's runner does
    init_default_scope('mmpretrain')
    with tempfile.TemporaryDirectory() as root:
        for i, recipe in enumerate(args.recipes):
            shape, folder = RECIPES[recipe], Path(root, recipe)
            size = write_images(folder, shape, args.images)
            cfg = read_config(str(CONFIGS / f'{recipe}.py'))
            print(f'{recipe}: images of {shape[1]} × {shape[0]}, '
                  f'{size:.0f} kB\n')
            if i == 0:
                report_decoders(folder, args.repetitions)
                print()
            report_steps(cfg, folder, args.repetitions)
            print()
            if i == 0:
                report_loaders(cfg, folder, args.epochs, args.start_method)
                print()


if __name__ == '__main__':
    main()
