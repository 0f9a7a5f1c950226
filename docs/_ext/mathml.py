"""Formulas as MathML, which browsers show without any script or network.

docutils has the converter from LaTeX; this gives it to Sphinx's HTML builder.
"""
import re

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

logger = logging.getLogger(__name__)
# Single and double bars, which it writes as if they stood between operands,
# and which would grow to the height of an exponent.
BARS = re.compile(r'<mo(?: class="mathopen")?>([|‖])</mo>')


def visit_math(self, node: nodes.math) -> None:
    _append(self, node, as_block=False)


def visit_math_block(self, node: nodes.math_block) -> None:
    _append(self, node, as_block=True)


def _append(self, node: nodes.Node, as_block: bool) -> None:
    # It knows \ldots and \cdots, but not the common \dots.
    latex = re.sub(r'\\dots(?![A-Za-z])', r'\\ldots', node.astext())
    try:
        formula = BARS.sub(
            r'<mo stretchy="false" lspace="0" rspace="0">\1</mo>',
            tex2mathml(latex, as_block=as_block))
    except MathError as error:
        logger.warning(
            'This formula cannot be shown as MathML: %s', error, location=node)
        formula = self.encode(latex)
    tag = 'div' if as_block else 'span'
    self.body.append(self.starttag(node, tag, suffix='', CLASS='math'))
    self.body.append(f'{formula}</{tag}>')
    raise nodes.SkipNode


def setup(app) -> dict:
    app.add_html_math_renderer('mathml', (visit_math, None),
                               (visit_math_block, None))
    app.config.html_math_renderer = 'mathml'
    return dict(parallel_read_safe=True, parallel_write_safe=True)
