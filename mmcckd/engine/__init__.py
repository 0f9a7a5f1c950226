from .command_line import add_config_arguments, load_config
from .distributed import init_distributed

__all__ = ['add_config_arguments', 'init_distributed', 'load_config']
