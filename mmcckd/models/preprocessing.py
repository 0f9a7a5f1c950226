"""How data preprocessors change images."""
from typing import NamedTuple, Optional, Tuple

from mmengine.model import (
    BaseDataPreprocessor,
    BaseModel,
    ImgDataPreprocessor,
)
from mmpretrain.models import ClsDataPreprocessor
from torch import nn

# The ``forward`` of a subclass may change images in another way.
KNOWN_FORWARDS = (BaseDataPreprocessor.forward, ImgDataPreprocessor.forward,
                  ClsDataPreprocessor.forward)

# Attributes of MMPretrain's, MMEngine's and mmsegmentation's preprocessors.
SWAPS = ('to_rgb', '_channel_conversion', 'channel_conversion')


class Preprocessing(NamedTuple):
    """How a data preprocessor changes the pixels of an image.

    Args:
        mean (Tuple[float], optional): The mean that is subtracted, one value
            for each channel, or one for all. Defaults to None, which means no
            normalization.
        std (Tuple[float], optional): The standard deviation by which the
            difference is divided. Defaults to None.
        swaps (bool): Whether red and blue are swapped before. Defaults to
            False.
        padding (Tuple[int, float], optional): A divisor and a value. Height
            and width are padded with the value to multiples of the divisor.
            Defaults to None, which means no padding.
    """
    mean: Optional[Tuple[float, ...]] = None
    std: Optional[Tuple[float, ...]] = None
    swaps: bool = False
    padding: Optional[Tuple[int, float]] = None

    def __str__(self) -> str:
        parts = ['no normalization']
        if self.mean is not None:
            parts = [
                f'{name} [{", ".join(f"{value:.6g}" for value in values)}]'
                for name, values in (('mean', self.mean), ('std', self.std))
            ]
        if self.swaps:
            parts.append('red and blue swapped')
        if self.padding is not None:
            parts.append(f'padded with {self.padding[1]} to multiples of '
                         f'{self.padding[0]}')
        return ', '.join(parts)


def preprocessing_of(preprocessor: nn.Module) -> Preprocessing:
    """Read the preprocessing from the attributes of a data preprocessor."""
    mean = std = None
    if getattr(preprocessor, '_enable_normalize', False):
        mean = tuple(preprocessor.mean.flatten().tolist())
        std = tuple(preprocessor.std.flatten().tolist())
    divisor = getattr(preprocessor, 'pad_size_divisor', 1)
    return Preprocessing(
        mean=mean,
        std=std,
        swaps=any(getattr(preprocessor, name, False) for name in SWAPS),
        padding=(divisor, preprocessor.pad_value) if divisor > 1 else None)


def is_known(preprocessor: nn.Module) -> bool:
    """Whether its attributes determine how the images are changed."""
    return type(preprocessor).forward in KNOWN_FORWARDS


def expects_other(network: BaseModel, preprocessor: nn.Module) -> bool:
    """Whether a network's own data preprocessor differs from that of the run.

    A data preprocessor without any settings, which MMPretrain builds if the
    config has none, does not count as different.

    Args:
        network (BaseModel): The student or the teacher.
        preprocessor (nn.Module): The data preprocessor of the run.
    """
    own = network.data_preprocessor
    is_readable = is_known(own) or type(own) is type(preprocessor) or (
        isinstance(own, (ImgDataPreprocessor, ClsDataPreprocessor)))
    return not is_readable or preprocessing_of(own) not in (
        Preprocessing(), preprocessing_of(preprocessor))


def describe(preprocessor: nn.Module) -> str:
    """The class of a data preprocessor and its settings, for messages."""
    return f'{type(preprocessor).__name__}, {preprocessing_of(preprocessor)}'
