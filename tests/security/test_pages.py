"""Names of files, classes and models are shown as text, never as markup."""
from html.parser import HTMLParser
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from mmcckd.datasets import Digits
from mmcckd.files.pages import markdown_text
from mmcckd.reid.evaluation import rank_gallery
from mmcckd.reid.visualization import ReIDTestSet, Search, write_page
from mmcckd.studies import Result
from mmcckd.studies.results_page import _origin
from mmcckd.studies.run import Run
from mmcckd.superclasses import Superclasses
from mmcckd.superclasses.superclass_page import write_pictures
from mmcckd.superclasses.superclass_picture import Overview
from mmcckd.visualization.drawable_text import drawable

MARKUP = ('<script>alert(1)</script>', '"><img src=x onerror=alert(1)>',
          "'><svg onload=alert(1)>", '</style><iframe src=//evil.example>',
          '{{ 7 * 7 }}{% include "x" %}', '&lt;b&gt;', '$\\frac{$')


class Tags(HTMLParser):
    """What a browser would not take for text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.text = set(), []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        for name, value in attributes:
            assert not name.startswith('on'), (name, value)
            assert name not in ('href', 'src') or value.startswith(
                'data:image/'), value
            self.text.append(value)

    def handle_data(self, data):
        self.text.append(data)


def check(page, *names):
    found = Tags(page)
    assert not found.tags & {'script', 'iframe', 'svg', 'b2'}
    text = '\n'.join(filter(None, found.text))
    assert all(name in text for name in names)


@pytest.mark.parametrize('name', MARKUP)
def test_rank_lists(tmp_path, name):
    class Images:

        def __len__(self):
            return 3

        def get_data_info(self, i):
            return dict(
                img=np.zeros((4, 2, 3), np.uint8), gt_label=i // 2,
                img_path=f'{name}/{i}{name.replace("/", "")}.jpg',
                camera_id=i, is_query=i == 0)

    test_set = ReIDTestSet(Images())
    rankings = rank_gallery(
        np.zeros((1, 1)), np.ones((2, 1)),
        *(values[part] for values in (test_set.ids, test_set.cameras)
          for part in (test_set.query, test_set.gallery)), [0], 'euclidean')
    search = Search(name, {'mAP': 0.5, 'rank-1': 0.25}, rankings, 'euclidean',
                    name, name)
    page = tmp_path / 'page.html'
    write_page(page, Images(), test_set, [0], [search])
    check(page.read_text(encoding='utf-8'), name, f'{name}/1')


def test_superclasses(tmp_path):
    name = ''.join(MARKUP)
    digits = Digits(samples_per_class=1)
    meta = dict.fromkeys(('algorithm', 'module', 'teacher_sha256'), name)
    superclasses = Superclasses(
        np.arange(10) % 2, np.zeros((2, 2)), dict(meta, seed=0, inertia=1.))
    overview = Overview(superclasses, {name: 1.}, digits, np.arange(10),
                        [*MARKUP, *'890'])
    _, page = write_pictures(overview, str(tmp_path / 'page'))
    check(Path(page).read_text(encoding='utf-8'), name,
          *(part[:14] for part in MARKUP))


@pytest.mark.parametrize('name', MARKUP[:4])
def test_results_of_studies(name):
    result = Result(Run('x.py', 0), {}, 1., commit=name, torch=name,
                    processor=f'a\n\n# b [x](javascript:alert(1)) {name}')
    text = _origin([result])
    assert '\n' not in text
    for part in ('<', '>', '[x', '](', '`'):
        assert part not in text.replace('\\' + part[0], '')


@pytest.mark.parametrize('value', [
    'AMD EPYC 7B13', '2.14.1+cpu', 'd296f4f0d6+', 'x86_64', ''
])
def test_plain_values_stay(value):
    assert markdown_text(value) == value


@pytest.mark.parametrize('name', MARKUP[:4])
def test_figures(tmp_path, name):
    figure = matplotlib.figure.Figure()
    figure.text(0, 0, drawable(name))
    with matplotlib.rc_context({'svg.fonttype': 'none'}):
        figure.savefig(tmp_path / 'figure.svg')
    text = (tmp_path / 'figure.svg').read_text()
    assert '<script' not in text and '<img' not in text
    assert '<iframe' not in text
