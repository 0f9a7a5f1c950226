"""Make a recipe small: two iterations on a few small images, no weights."""
from mmengine.config import Config

from mmcckd.config_files.component_types import bare_type
from mmcckd.config_files.without_weights import without_weights

from .toys import Toys

BATCH_SIZE = 8  # of images for classification; two otherwise, as in MMRazor
SIZE = 64
DETECTION_SCALE = (192, 128)  # the longer and the shorter side
CROP_SIZE = (64, 128)  # of segmentation: height and width


def make_small(cfg: Config, toys: Toys) -> None:
    """Change a recipe to two iterations on small images, without weights.

    The networks keep their depth and width, except that the search spaces of
    image sizes are smaller.
    """
    cfg.model = without_weights(cfg.model)
    _shorten_schedule(cfg.model)
    loader = cfg.train_dataloader
    loader.num_workers = 0
    loader.persistent_workers = False
    # The recipe of CRD wraps the data set.
    dataset = loader.dataset.get('dataset', loader.dataset)
    name = bare_type(dataset)
    root = 'data_root' if 'data_root' in dataset else 'data_prefix'
    dataset[root] = toys.root(name)
    if name == 'ImageNet':
        dataset.pop('ann_file', None)  # the toy data have folders only
    if name in ('ImageNet', 'CIFAR10', 'CIFAR100'):
        loader.batch_size = BATCH_SIZE
    if name == 'CityscapesDataset':  # pads the images to their usual size
        for side in ('architecture', 'teacher'):
            cfg.model[side].data_preprocessor = dict(size=CROP_SIZE)
    for transform in dataset.pipeline:
        _shrink_images(transform)
    _lower_learning_rate(cfg.optim_wrapper)
    cfg.train_cfg = dict(by_epoch=False, max_iters=2)
    cfg.param_scheduler = None  # made for the number of epochs of the recipe
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    cfg.default_hooks.checkpoint = None
    cfg.default_hooks.pop('visualization', None)  # of the validation
    cfg.custom_hooks = [
        hook for hook in cfg.get('custom_hooks') or []
        # measures a hundred subnets after the training
        if bare_type(hook) != 'DMCPSubnetHook'
    ]
    cfg.log_level = 'ERROR'


def _shorten_schedule(model: dict) -> None:
    if 'student_iter' in model:  # updates of the student per iteration
        model.student_iter = 2
    if 'distillation_times' in model:  # DMCP distills from then on
        model.distillation_times = -1
    if 'input_resizer_cfg' in model.get('architecture', {}):
        model.architecture.input_resizer_cfg.input_sizes = [[SIZE, SIZE],
                                                            [96, 96]]


def _lower_learning_rate(optim_wrapper: dict) -> None:
    """Some recipes need their warm-up, which takes thousands of batches."""
    for key, value in optim_wrapper.items():
        if key == 'optimizer':
            value.lr = 1e-3
        elif isinstance(value, dict):
            _lower_learning_rate(value)


def _shrink_images(transform: dict) -> None:
    kind = bare_type(transform)
    if kind == 'RandomResizedCrop':
        transform.scale = SIZE
    elif kind in ('Resize', 'RandomResize'):
        transform.scale = DETECTION_SCALE
    elif kind == 'RandomCrop' and 'crop_size' in transform:
        transform.crop_size = CROP_SIZE
