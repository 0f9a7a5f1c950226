import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from mmcckd.files.pages import render_page


def test_values_are_escaped(tmp_path):
    template = tmp_path / 'page.html.jinja'
    template.write_text('<img alt="{{ name }}">{{ name }}, {{ html }}\n')
    page = render_page(template, name='<b>"a" & b', html=Markup('<i>c</i>'))
    assert page == ('<img alt="&lt;b&gt;&#34;a&#34; &amp; b">&lt;b&gt;&#34;a'
                    '&#34; &amp; b, <i>c</i>\n')


def test_a_value_that_is_missing(tmp_path):
    template = tmp_path / 'page.html.jinja'
    template.write_text('{{ name }}')
    with pytest.raises(UndefinedError, match="'name' is undefined"):
        render_page(template, nam='x')
