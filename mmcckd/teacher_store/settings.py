import difflib
from dataclasses import dataclass, fields
from typing import Any, Dict, Mapping, Optional

DTYPES = ('float16', 'float32')


@dataclass(frozen=True)
class StoreSettings:
    """The values of ``teacher_store=dict(...)`` in a config.

    Args:
        path (str): Folder of the store. It is created if it is missing.
        views (int): Number of different views of each sample. Epoch e shows
            view e mod ``views``.
        seed (int): Seed of the views. It is not the seed of the run, so that
            runs with different seeds can share a store. Defaults to 0.
        dtype (str): "float16" or "float32", as which the numbers are stored.
            Defaults to "float16".
        top_k (Dict[str, int], optional): By the name of a teacher recorder of
            logits, how many of the largest logits of a sample are stored; see
            :func:`.keep_top_k`. Defaults to None: all of them.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is not allowed.
    """

    path: str
    views: int
    seed: int = 0
    dtype: str = 'float16'
    top_k: Optional[Dict[str, int]] = None

    def __post_init__(self) -> None:
        if not isinstance(self.path, str) or not self.path:
            raise TypeError('teacher_store.path should be the path of a '
                            f'folder, but is {self.path!r}.')
        _check_integer('views', self.views, 1)
        _check_integer('seed', self.seed, 0)
        if self.dtype not in DTYPES:
            raise ValueError(f'teacher_store.dtype should be one of {DTYPES}, '
                             f'but is {self.dtype!r}.')
        if self.top_k is not None:
            if not isinstance(self.top_k, Mapping):
                raise TypeError(
                    'teacher_store.top_k should give a number for the name of '
                    f'a recorder, such as dict(fc=100), but is {self.top_k!r}.'
                )
            for name, k in self.top_k.items():
                _check_integer(f'top_k[{name!r}]', k, 1)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> 'StoreSettings':
        """Check the keys and values of a dict in a config.

        Args:
            config (Mapping[str, Any]): Arguments by name.

        Raises:
            TypeError: If it is no dict, or a value has the wrong type.
            ValueError: If a key is missing or unknown, or a value is not
                allowed.
        """
        if not isinstance(config, Mapping):
            raise TypeError('teacher_store should be a dict such as '
                            "dict(path='work_dirs/teacher_store', views=10), "
                            f'but is {config!r}.')
        allowed = [field.name for field in fields(cls)]
        for key in config:
            if key not in allowed:
                near = difflib.get_close_matches(str(key)[:99], allowed, n=1)
                raise ValueError(
                    f'teacher_store has no key {key!r}' +
                    (f'; did you mean {near[0]!r}?' if near else '.') +
                    f' Its keys are {", ".join(allowed)}.')
        for key in ('path', 'views'):
            if key not in config:
                raise ValueError(f'teacher_store needs the key {key!r}; it '
                                 f'has {", ".join(config) or "no keys"}.')
        return cls(**config)


def _check_integer(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f'teacher_store.{name} should be an integer, but is '
                        f'{value!r}.')
    if value < least:
        raise ValueError(f'teacher_store.{name} should be {least} or more, '
                         f'but is {value}.')
