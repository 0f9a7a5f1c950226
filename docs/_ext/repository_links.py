"""Links between files of the repository, as they are on the site.

A Markdown file outside docs/, such as README.md, becomes a page by an
``{include}``. Its links are relative to the file, so they are rewritten for
the page, and so are the links of other pages to it. A link to a file that is
neither a page nor a picture leads to the repository.
"""
import os
import re
from pathlib import Path

TARGETS = re.compile(r'(?<=\]\()[^)#\s]+|(?<=src=")[^"]+')
PICTURES = ('.png', '.svg', '.jpg', '.gif')


def rewrite(app, text: str, source: Path, page: Path) -> str:
    """The Markdown of a file with its links as the page needs them.

    Args:
        text (str): What ``source`` holds.
        source (Path): The file, which links are relative to.
        page (Path): The file in docs/ that has it as its page.
    """
    docs = Path(app.srcdir)
    root = docs.parent
    pages = {
        root / name: docs / target
        for name, target in app.config.repository_pages.items()
    }

    def target(match: 're.Match') -> str:
        path = Path(os.path.normpath(source.parent / match[0]))
        if ':' in match[0] or not path.exists():
            return match[0]  # which MyST reports, if it is relative
        path = pages.get(path, path)
        if path.suffix in PICTURES or (path.suffix == '.md'
                                       and docs in path.parents):
            return os.path.relpath(path, page.parent)
        kind = 'tree' if path.is_dir() else 'blob'
        return (f'{app.config.repository_url}/{kind}/main/'
                f'{path.relative_to(root).as_posix()}')

    return TARGETS.sub(target, text)


def _on_source(app, docname: str, content: list) -> None:
    page = Path(app.env.doc2path(docname))
    if page.suffix == '.md':
        content[0] = rewrite(app, content[0], page, page)


def _on_include(app, path: Path, docname: str, content: list) -> None:
    page = Path(app.env.doc2path(app.env.docname))  # docname lacks the folder
    source = Path(os.path.normpath(Path(app.srcdir) / path))
    content[0] = rewrite(app, content[0], source, page)


def setup(app) -> dict:
    app.add_config_value('repository_pages', {}, 'env')
    app.add_config_value('repository_url', '', 'env')
    app.connect('source-read', _on_source)
    app.connect('include-read', _on_include)
    return dict(parallel_read_safe=True)
