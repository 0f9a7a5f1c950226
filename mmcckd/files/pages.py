import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def render_page(template: Path, **values) -> str:
    """Fill in an HTML template, in which all values are escaped.

    Args:
        template (Path): A Jinja template, in the folder of its package and
            named \\*.jinja, as ``setup.py`` packs it.
        **values: By the names in the template.

    Raises:
        jinja2.UndefinedError: If a name in the template has no value.
    """
    environment = Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True)
    return environment.get_template(template.name).render(values)


def markdown_text(value: str) -> str:
    """Escape a value for a line of Markdown, in which HTML is code.

    Args:
        value (str): Any text, such as the name of a processor.
    """
    return re.sub(r'([<>&\[\]`|\\])', r'\\\1', ' '.join(value.split()))
