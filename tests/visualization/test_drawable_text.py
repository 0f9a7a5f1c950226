import warnings

import pytest
from matplotlib.figure import Figure

from mmcckd.visualization.drawable_text import drawable


@pytest.mark.parametrize('text, drawn', [
    ('golden retriever', 'golden retriever'),
    ('Größe, Ж, ∂', 'Größe, Ж, ∂'),
    ('付', 'U+4ED8'),
    ('行人 3', 'U+884CU+4EBA 3'),
    ('𠮟', 'U+20B9F'),
    ('', ''),
])
def test_characters_that_the_font_lacks(text, drawn):
    assert drawable(text) == drawn


def test_matplotlib_has_all_glyphs(tmp_path):
    figure = Figure()
    figure.text(0, 0, drawable('付 行人 Größe'))
    with warnings.catch_warnings():
        warnings.simplefilter('error')  # also of missing glyphs
        figure.savefig(tmp_path / 'text.png')
