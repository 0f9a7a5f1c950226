from .command_line import add_config_arguments, load_config

__all__ = ['add_config_arguments', 'load_config']
