from typing import Optional, Sequence

from mmpretrain.models.backbones.resnet import BasicBlock, ResLayer
from mmpretrain.models.backbones.resnet_cifar import ResNet_CIFAR
from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

SHORTCUTS = ('projection', 'identity')


@MODELS.register_module()
class CIFARResNet(ResNet_CIFAR):
    """ResNet with 6n + 2 layers for 32 × 32 images, such as ResNet-20 and -56.

    He et al., *Deep Residual Learning for Image Recognition*, CVPR 2016,
    section 4.2. A 3 × 3 convolution is followed by three stages with feature
    maps of 32 × 32, 16 × 16 and 8 × 8. Each stage has n blocks of two 3 × 3
    convolutions. The blocks are those of MMPretrain. MMPretrain's own
    ``ResNet_CIFAR`` has the four stages and the depths of the ResNets for
    ImageNet.

    There are two kinds of shortcuts for blocks that change the shape:

    - "projection": a 1 × 1 convolution and batch normalization (option B of
      He et al.). The public tables of distillation on CIFAR-100 (Tian et al.,
      *Contrastive Representation Distillation*, ICLR 2020) use it.
    - "identity": every second pixel, and zeros for the new channels, without
      parameters (option A of He et al.).

    ResNet-8x4 and -32x4 of these tables have ``base_channels=64`` and
    ``stem_channels=32``.

    Args:
        depth (int): 6n + 2 for an n ≥ 1, such as 20, 32, 56 or 110.
        base_channels (int): Channels of the first stage. The second and third
            stage have twice and four times as many. Defaults to 16.
        stem_channels (int, optional): Channels of the first convolution.
            Defaults to None, which means ``base_channels``.
        stem_stride (int): Stride of the first convolution. With 2, all
            feature maps have half the height and width, and a training step
            takes about a quarter of the operations. Defaults to 1.
        shortcut (str): "projection" or "identity". Defaults to "projection".
        in_channels (int): Channels of the images. Defaults to 3.
        out_indices (Sequence[int]): Indices of the stages, 0 to 2, whose
            outputs are returned. Defaults to ``(2, )``, for a ``stem_stride``
            of 1 an output of shape (n, 4 · base_channels, 8, 8).
        zero_init_residual (bool): Whether to initialize the last BatchNorm of
            each block with zeros. Defaults to False, as in the paper and in
            the tables; the default of MMPretrain's ResNets is True.
        **kwargs: Other arguments of MMPretrain's ``ResNet_CIFAR``, such as
            ``norm_cfg`` and ``frozen_stages``.

    Raises:
        ValueError: If the depth is not 6n + 2, ``stem_stride`` is not a
            positive int, the shortcut is unknown, or an identity shortcut
            would have to remove channels.
    """

    def __init__(self,
                 depth: int,
                 base_channels: int = 16,
                 stem_channels: Optional[int] = None,
                 stem_stride: int = 1,
                 shortcut: str = 'projection',
                 in_channels: int = 3,
                 out_indices: Sequence[int] = (2, ),
                 zero_init_residual: bool = False,
                 **kwargs) -> None:
        if not isinstance(depth, int) or depth < 8 or (depth - 2) % 6:
            raise ValueError('depth must be 6n + 2 for an n of at least 1, '
                             f'such as 8, 20, 32, 56 or 110, but is {depth}.')
        if shortcut not in SHORTCUTS:
            raise ValueError(f'shortcut must be one of {SHORTCUTS}, but is '
                             f'{shortcut!r}.')
        if not isinstance(stem_stride, int) or stem_stride < 1:
            raise ValueError('stem_stride must be an int of at least 1, but '
                             f'is {stem_stride!r}.')
        self.shortcut = shortcut
        self.stem_stride = stem_stride
        self.arch_settings = {depth: (BasicBlock, ((depth - 2) // 6, ) * 3)}
        super().__init__(
            depth,
            in_channels=in_channels,
            stem_channels=stem_channels or base_channels,
            base_channels=base_channels,
            num_stages=3,
            strides=(1, 2, 2),
            dilations=(1, 1, 1),
            out_indices=out_indices,
            zero_init_residual=zero_init_residual,
            **kwargs)

    def _make_stem_layer(self, in_channels: int, base_channels: int) -> None:
        super()._make_stem_layer(in_channels, base_channels)
        self.conv1.stride = (self.stem_stride, self.stem_stride)

    def make_res_layer(self, **kwargs) -> ResLayer:
        """Build a stage. MMPretrain's stage has projections."""
        stage = super().make_res_layer(**kwargs)
        if self.shortcut == 'identity' and stage[0].downsample is not None:
            stage[0].downsample = IdentityShortcut(
                kwargs['in_channels'], kwargs['out_channels'],
                kwargs['stride'])
        return stage


class IdentityShortcut(nn.Module):
    """Shortcut that subsamples the pixels, and appends channels of zeros.

    Args:
        in_channels (int): Number of input channels.
        out_channels (int): Number of output channels, at least
            ``in_channels``.
        stride (int): Every ``stride``-th pixel is kept in both directions.

    Raises:
        ValueError: If ``out_channels`` is less than ``in_channels``.
    """

    def __init__(self, in_channels: int, out_channels: int,
                 stride: int) -> None:
        super().__init__()
        if out_channels < in_channels:
            raise ValueError(
                'An identity shortcut cannot reduce the number of channels '
                f'from {in_channels} to {out_channels}. Set stem_channels to '
                "at most base_channels, or use shortcut='projection'.")
        self.new_channels = out_channels - in_channels
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in_channels, h, w) to (n, out_channels, h/stride, w/stride).
        """
        x = x[:, :, ::self.stride, ::self.stride]
        return F.pad(x, (0, 0, 0, 0, 0, self.new_channels))

    def extra_repr(self) -> str:
        return f'new_channels={self.new_channels}, stride={self.stride}'
