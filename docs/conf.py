"""Sphinx builds the documentation with this: ``tools/build_docs.sh``.

The guide is docs/*.md, as it can be read on GitHub. The API reference is made
from the docstrings: docs/api/index.rst lists the packages, and each package's
``__all__`` lists its objects. No network is needed.
"""
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS.parent), str(DOCS / '_ext')]

import public_api  # noqa: E402

import mmcckd  # noqa: E402

project = 'mmcckd'
author = 'mmcckd contributors'
copyright = author
version = release = mmcckd.__version__

extensions = [
    'sphinx.ext.autodoc',
    'sphinx.ext.autosummary',
    'sphinx.ext.napoleon',
    'sphinx.ext.viewcode',
    'myst_parser',
    'diagrams',
    'mathml',
    'public_api',
    'repository_links',
]
# docs/results/*.md are the parts that docs/results.md is generated from.
exclude_patterns = ['_build', 'results/*']

# The guide.
myst_enable_extensions = ['dollarmath', 'html_image']
myst_fence_as_directive = ['math']  # as on GitHub
myst_heading_anchors = 4
# Where links to other files lead, and pages made of files outside docs/.
repository_url = 'https://github.com/mmcckd/mmcckd'
repository_pages = {
    'README.md': 'index.md',
    'README_zh-CN.md': 'zh_cn/index.md',
    'CHANGELOG.md': 'changelog.md',
    'CONTRIBUTING.md': 'contributing.md',
}

# The API reference. Only docstrings of our own: what is inherited is
# documented by the project that it comes from.
autodoc_inherit_docstrings = False
autodoc_member_order = 'bysource'
autodoc_typehints_format = 'short'
suppress_warnings = ['config.cache']  # of the function in this context
autosummary_context = dict(public=public_api.public)
autosummary_ignore_module_all = False
napoleon_use_param = False
napoleon_use_rtype = False
python_maximum_signature_line_length = 79
python_use_unqualified_type_names = True

# Other projects' objects are named, not linked: that would need the network.
nitpick_ignore_regex = [
    ('py:class', 'optional'),
    ('py:.*', r'(collections|concurrent|logging|numpy|np|os|pathlib|typing'
     r'|PIL|mmcv|mmengine|mmpretrain|mmrazor|sklearn|torch)(\..*)?'),
]

templates_path = ['_templates']

html_theme = 'furo'
html_title = f'mmcckd {release}'
html_static_path = ['_static']
html_css_files = ['mmcckd.css']
html_copy_source = False
