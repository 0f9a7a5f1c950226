"""What data preprocessors do to images."""
from typing import NamedTuple, Optional, Tuple

from mmengine.model import (
    BaseDataPreprocessor,
    BaseModel,
    ImgDataPreprocessor,
)
from mmpretrain.models import ClsDataPreprocessor
from torch import nn

# Subclasses may do more, in a ``forward`` of their own.
KNOWN_FORWARDS = (BaseDataPreprocessor.forward, ImgDataPreprocessor.forward,
                  ClsDataPreprocessor.forward)


class Preprocessing(NamedTuple):
    """What a data preprocessor does to the pixels of an image.

    Args:
        mean (Tuple[float], optional): What it subtracts, for each channel, or
            one value for all. Defaults to None, no normalization.
        std (Tuple[float], optional): What it divides by then.
        swaps (bool): Whether it swaps red and blue before that. Defaults to
            False.
        padding (Tuple[int, float], optional): What it makes height and width
            multiples of in the end, and the value that it pads with. Defaults
            to None.
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
    """What the attributes of a data preprocessor say."""
    mean = std = None
    if getattr(preprocessor, '_enable_normalize', False):
        mean = tuple(preprocessor.mean.flatten().tolist())
        std = tuple(preprocessor.std.flatten().tolist())
    divisor = getattr(preprocessor, 'pad_size_divisor', 1)
    return Preprocessing(
        mean=mean,
        std=std,
        swaps=bool(
            getattr(preprocessor, 'to_rgb', False)
            or getattr(preprocessor, '_channel_conversion', False)),
        padding=(divisor, preprocessor.pad_value) if divisor > 1 else None)


def is_known(preprocessor: nn.Module) -> bool:
    """Whether it does what its attributes say, and no more."""
    return type(preprocessor).forward in KNOWN_FORWARDS


def expects_other(network: BaseModel, preprocessor: nn.Module) -> bool:
    """Whether a network's own data preprocessor contradicts that of the run.

    One that says nothing, as MMPretrain builds it where the config has none,
    does not.

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
    """Its class and what it does, for messages."""
    return f'{type(preprocessor).__name__}, {preprocessing_of(preprocessor)}'
