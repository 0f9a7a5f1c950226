"""tools/visualise_reid.py with valid and with invalid arguments."""
import re
import runpy
import sys
from html.parser import HTMLParser
from pathlib import Path

import mmengine
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import DumpResults
from mmengine.registry import DefaultScope
from mmengine.runner import Runner, save_checkpoint
from mmrazor.registry import MODELS
from PIL import Image, ImageOps
from scipy import ndimage

from mmcckd.export import OutputFiles, load_student
from mmcckd.reid.visualization.reid_model import ReIDModel

ROOT = Path(__file__).parent.parent.parent
TOOL = ROOT / 'tools/visualise_reid.py'
RIGHT, WRONG = (26, 127, 55), (198, 40, 40)


def small(model):
    """An eighth of the width, and weights from no network."""
    model.backbone.update(init_cfg=None, base_channels=8, stem_channels=8)
    model.head.update(in_channels=64)


@pytest.fixture(scope='module')
def folder(tmp_path_factory, toy_msmt17):
    """alone.py, .pth; cckd.py, .pth; teacher.pth. All untrained."""
    folder = tmp_path_factory.mktemp('models')
    for name, source in dict(
            alone='baseline/r18_msmt17.py',
            cckd='cckd/r50_r18_msmt17.py').items():
        cfg = Config.fromfile(ROOT / 'configs' / source)
        cfg.work_dir = str(folder / 'work')
        for split in ('train', 'val', 'test'):
            loader = cfg[f'{split}_dataloader']
            loader.num_workers = 0
            loader.dataset.data_root = toy_msmt17
            loader.dataset.pipeline[1].scale = (32, 64)
        torch.manual_seed(0)
        if name == 'alone':
            small(cfg.model)
            teacher = cfg.model.copy()
            network = MODELS.build(cfg.model)
        else:
            small(cfg.model.architecture)
            cfg.model.teacher = teacher
            cfg.model.teacher_ckpt = None
            cfg.model.distiller.connectors.kernel_s[0].module_args.update(
                in_features=64, out_features=64)
            torch.manual_seed(1)
            network = MODELS.build(cfg.model)
            save_checkpoint(
                dict(state_dict=network.teacher.state_dict()),
                str(folder / 'teacher.pth'))
            cfg.model.teacher_ckpt = str(folder / 'teacher.pth')
        cfg.dump(folder / f'{name}.py')
        save_checkpoint(
            dict(state_dict=network.state_dict()), str(folder / f'{name}.pth'))
    return folder


def evaluate(folder, config, checkpoint, tmp_path):
    """What MMEngine's runner says: metrics, and all predictions."""
    cfg = Config.fromfile(folder / config)
    cfg.load_from = str(folder / checkpoint)
    cfg.work_dir = str(tmp_path / 'test')
    cfg.log_level = 'ERROR'
    cfg.experiment_name = f'{tmp_path.name}_{checkpoint}'
    runner = Runner.from_cfg(cfg)
    out = str(tmp_path / 'predictions.pkl')
    runner.test_evaluator.metrics.append(DumpResults(out_file_path=out))
    metrics = runner.test()
    DefaultScope._instance_dict.clear()
    return metrics, mmengine.load(out)


def headline(metrics):
    return (f'mAP {100 * metrics["reid/mAP"]:.2f} %, '
            f'rank-1 {100 * metrics["reid/rank-1"]:.2f} %')


def loop(predictions, query):
    """The ranking for a query: (prediction, whether it is right), …; what is
    dropped; and the average precision."""
    f = query['feature'].double()
    gallery = [p for p in predictions if not p['is_query']]
    gallery.sort(key=lambda p: 1 - float(
        torch.cosine_similarity(f, p['feature'].double(), dim=0)))
    ranked, dropped, precisions = [], [], []
    for p in gallery:
        right = int(p['gt_label']) == int(query['gt_label'])
        if right and p['camera_id'] == query['camera_id']:
            dropped.append(p)
            continue
        ranked.append((p, right))
        if right:
            precisions.append((len(precisions) + 1) / len(ranked))
    return ranked, dropped, np.mean(precisions) if precisions else None


@pytest.fixture
def visualise(folder, monkeypatch, capsys, tmp_path):
    """Run the tool in this process; returns what it prints."""

    def run(*arguments, config='cckd', out='look'):
        monkeypatch.chdir(folder)
        model = config.split()
        if len(model) == 1:
            model = [f'{config}.py', f'{config}.pth']
        monkeypatch.setattr(sys, 'argv', [
            str(TOOL), *model, *map(str, arguments), '--out',
            str(tmp_path / out)
        ])
        runpy.run_path(str(TOOL), run_name='__main__')
        return capsys.readouterr().out

    return run


class Page(HTMLParser):
    """The first line, the rows of images, and what would need a network."""

    def __init__(self, text):
        super().__init__()
        self.first = None
        self.rows = []
        self.tags = set()
        self.links = []
        self.text = ''
        self.in_title = self.figure = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.add(tag)
        self.in_title = tag in ('title', 'style')
        self.links += [value for name, value in attributes.items()
                       if name in ('src', 'href', 'srcset', 'data')]
        if attributes.get('class') in ('row', 'dropped'):
            self.rows.append((attributes['class'], []))
        if tag == 'figure':
            self.figure = attributes.get('class')
        if tag == 'img' and self.figure:
            self.rows[-1][1].append((self.figure, attributes['alt']))

    def handle_endtag(self, tag):
        self.in_title = False

    def handle_data(self, data):
        if self.in_title or not data.strip():
            return
        self.first = self.first or data.strip()
        self.text += data


def frames(picture):
    """The colored frames from the top left on: (x, y, whether green)."""
    pixels = np.asarray(picture)
    green = (pixels == RIGHT).all(2)
    red = (pixels == WRONG).all(2)
    # the white letters on a bar are holes in it
    labels, _ = ndimage.label(green | red)
    found = []
    for rows, columns in ndimage.find_objects(labels):
        if columns.stop - columns.start >= 80:
            x, y = columns.start, rows.start
            assert green[y, x] != red[y, x]
            found.append((x, y, bool(green[y, x])))
    return sorted(found, key=lambda frame: (frame[1], frame[0]))


def test_picture_and_page(visualise, folder, tmp_path):
    metrics, predictions = evaluate(folder, 'cckd.py', 'cckd.pth', tmp_path)
    # a query with entries right, wrong and dropped; one with nothing dropped
    chosen = {}
    for query in (p for p in predictions if p['is_query']):
        ranked, dropped, ap = loop(predictions, query)
        if ap and (not dropped or len({r for _, r in ranked[:10]}) == 2):
            chosen.setdefault(bool(dropped), (query, ranked, dropped, ap))
    assert len(chosen) == 2
    chosen = sorted(chosen.values(), key=lambda it: it[0]['sample_idx'])
    names = [Path(query['img_path']).name for query, *_ in chosen]
    printed = visualise('--query-images', *names)
    assert printed.endswith(
        f'Written:\n{tmp_path}/look.png\n{tmp_path}/look.html\n')
    assert f'mAP {metrics["reid/mAP"]:.4f}' in printed

    text = (tmp_path / 'look.html').read_text(encoding='utf-8')
    page = Page(text)
    assert page.first == headline(metrics)
    assert all(re.match('data:image/jpeg;base64,', x) for x in page.links)
    assert not page.tags & {'script', 'link', 'iframe', 'base', 'object'}
    assert 'url(' not in text and '@import' not in text
    rows = iter(page.rows)
    for name in names:
        assert name in page.text

    picture = Image.open(tmp_path / 'look.png')
    places = frames(picture)
    assert len(places) == 2 * 10
    for n, (_, ranked, dropped, ap) in enumerate(chosen):
        assert f'AP {100 * ap:.1f} %' in page.text
        kind, shown = next(rows)
        assert kind == 'row' and len(shown) == 10
        for rank, ((p, right), (kind, alt)) in enumerate(
                zip(ranked, shown), 1):
            assert kind == ('right' if right else 'wrong')
            assert alt.startswith(
                f'rank {rank}, {kind}: person {int(p["gt_label"])}, '
                f'camera {p["camera_id"]}, d ')
            assert p['img_path'] in alt
            x, y, green = places[10 * n + rank - 1]
            assert green == right
            with Image.open(p['img_path']) as file:
                expected = ImageOps.pad(file, (80, 160), color='#eeeeee')
            inside = picture.crop((x + 4, y + 18, x + 84, y + 178))
            difference = np.abs(
                np.asarray(inside, float) - np.asarray(expected, float))
            assert difference.mean() < 10
        if dropped:
            assert f'dropped: {len(dropped)}' in page.text
            kind, shown = next(rows)
            assert kind == 'dropped' and len(shown) == len(dropped)
            for p, (kind, alt) in zip(dropped, shown):
                assert kind == 'same-camera'
                assert alt.startswith(
                    f'dropped, same camera: person {int(p["gt_label"])}, '
                    f'camera {p["camera_id"]}, d ')
                assert p['img_path'] in alt
    assert not list(rows)


def test_models_side_by_side(visualise, folder, tmp_path):
    OutputFiles(tmp_path / 'exported.pth').write(
        load_student(str(folder / 'cckd.pth'), str(folder / 'cckd.py')))
    student = [tmp_path / 'exported.py', tmp_path / 'exported.pth']
    visualise('--teacher', '--compare', 'alone', 'alone.py', 'alone.pth',
              '--compare', '<exported>', *student, '--queries', 3)
    page = Page((tmp_path / 'look.html').read_text(encoding='utf-8'))
    figures = dict(
        teacher=evaluate(folder, 'alone.py', 'teacher.pth', tmp_path),
        alone=evaluate(folder, 'alone.py', 'alone.pth', tmp_path),
        cckd=evaluate(folder, 'cckd.py', 'cckd.pth', tmp_path))
    said = {name: headline(metrics) for name, (metrics, _) in figures.items()}
    assert len(set(said.values())) == 3
    assert page.first == (
        f'teacher: {said["teacher"]}; alone: {said["alone"]}; '
        f'<exported>: {said["cckd"]}; cckd: {said["cckd"]}')
    rows = [row for kind, row in page.rows if kind == 'row']
    assert len(rows) == 3 * 4
    assert len(frames(Image.open(tmp_path / 'look.png'))) == 3 * 4 * 10
    for teacher, alone, exported, cckd in zip(*[iter(rows)] * 4):
        assert exported == cckd
        assert len({str(row) for row in (teacher, alone, cckd)}) == 3


def test_a_teacher_of_other_images_than_the_run(folder):
    """Its features do not depend on the normalization of the run."""
    cfg = Config.fromfile(folder / 'cckd.py')
    features = []
    for own in (False, True):
        if own:
            cfg.model.teacher.data_preprocessor = cfg.data_preprocessor.copy()
            cfg.data_preprocessor.update(mean=[0, 0, 0], std=[99, 88, 77])
        model = ReIDModel(
            'teacher', cfg, folder / 'teacher.pth', teacher=True)
        features.append(model._extract())
    np.testing.assert_allclose(*features, rtol=1e-3, atol=1e-4)


def test_choice_of_queries(visualise, tmp_path):

    def titles():
        page = Page((tmp_path / 'look.html').read_text(encoding='utf-8'))
        return re.findall(r'Person (\d+), camera \d+: (\S+)', page.text)

    visualise('--queries', 3, config='alone')
    first = titles()
    assert len(first) == len(set(first)) == 3
    visualise('--queries', 3, '--overwrite', config='alone')
    assert titles() == first
    visualise('--queries', 3, '--seed', 1, '--overwrite', config='alone')
    assert titles() != first
    printed = visualise(
        '--query-ids', 7, 3, '--queries', 50, '--overwrite', config='alone')
    assert {person for person, _ in titles()} == {'3', '7'}
    assert (f'--queries 50: there are only {len(titles())} queries. All of '
            'them are shown.') in printed


@pytest.mark.parametrize('arguments, config, message', [
    (['--query-ids', 40], 'alone',
     'no query of person 40. There are queries of 40 persons: 0, 1, 2, 3, 4'),
    (['--query-images', '9.jpg'], 'alone',
     r'9.jpg is not a query, nor in the gallery. Queries are 0000_\w+.jpg, '),
    ([], 'alone.py none.pth', 'FileNotFoundError: No checkpoint at none.pth'),
    ([], 'alone.py alone.py', 'alone.py was refused: it is not a checkpoint'),
    ([], 'alone.py other.pth',
     r'alone, of \S*alone.py: The checkpoint other.pth does not fit the model '
     r'\(\w+\):\n  missing \(\d+\): backbone[^$]*  unexpected \(1\): x[^$]*'
     'Give the config that it was trained with'),
    (['--teacher'], 'alone', r'alone.py has no model.teacher. Give'),
    (['--teacher', 'alone.pth', '--compare', 'teacher', 'alone.py',
      'alone.pth'], 'cckd', 'have teacher, teacher, cckd. Give other NAMEs'),
    (['--cfg-options', 'test_evaluator.rerank=True'], 'alone',
     r'evaluator of \S*alone.py re-ranks, .* Set its rerank=False'),
    (['--cfg-options', 'test_dataloader.dataset.split=train'], 'alone',
     'Samples of MSMT17 lack is_query. Give a config'),
    (['--cfg-options', 'test_dataloader=None', 'val_dataloader=None'],
     'alone', 'alone.py cannot be tested: it has neither'),
    (['--cfg-options', 'model.head.type=LinearClsHead'], 'classifier',
     'head of classifier.py, a LinearClsHead, predicts no feature'),
])
def test_bad_input(visualise, folder, tmp_path, arguments, config, message):
    if 'other.pth' in config:
        torch.save(dict(state_dict=dict(x=torch.ones(1))),
                   folder / 'other.pth')
    if config == 'classifier':
        cfg = Config.fromfile(folder / 'alone.py')
        cfg.model.head = dict(
            type='LinearClsHead', num_classes=5, in_channels=64)
        cfg.dump(folder / 'classifier.py')
        save_checkpoint(
            dict(state_dict=MODELS.build(cfg.model).state_dict()),
            str(folder / 'classifier.pth'))
        arguments = []
    with pytest.raises(SystemExit, match=message) as error:
        visualise(*arguments, config=config)
    assert str(error.value).startswith('visualise_reid: ')
    assert not list(tmp_path.glob('look*'))


def test_a_gallery_image_is_no_query(visualise, toy_msmt17):
    line = Path(toy_msmt17, 'MSMT17_V1/list_gallery.txt').read_text().split()
    with pytest.raises(SystemExit, match='not a query, but in the gallery'):
        visualise('--query-images', Path(line[0]).name)


def test_other_test_sets(visualise, folder, toy_market1501):
    cfg = Config.fromfile(folder / 'alone.py')
    cfg.test_dataloader.dataset.update(
        type='Market1501', data_root=toy_market1501)
    cfg.dump(folder / 'market.py')
    with pytest.raises(
            SystemExit, match=r'market and cckd have different test sets, '
            r'with \d+ \+ \d+ and \d+ \+ \d+ images; image 0 is .+_c.+\.jpg'):
        visualise('--compare', 'market', 'market.py', 'alone.pth')


def test_a_teacher_without_a_checkpoint(visualise, folder):
    cfg = Config.fromfile(folder / 'cckd.py')
    cfg.model.teacher_ckpt = None
    cfg.dump(folder / 'no_teacher.py')
    with pytest.raises(SystemExit, match='has no model.teacher_ckpt. Give'):
        visualise('--teacher', config='no_teacher.py cckd.pth')


def test_more_than_a_picture_can_show(visualise, monkeypatch):
    monkeypatch.setattr('mmcckd.reid.visualization.MAX_ROWS', 9)
    with pytest.raises(
            SystemExit, match='8 queries of 2 models are 16 rows, but a '
            'picture can show at most 9. Give --queries 4 or less'):
        visualise('--compare', 'alone', 'alone.py', 'alone.pth')


@pytest.mark.parametrize('end', ['png', 'html'])
def test_nothing_is_overwritten(visualise, tmp_path, end):
    path = tmp_path / f'look.{end}'
    path.write_text('mine')
    with pytest.raises(SystemExit, match=f'look.{end} exists and is not ov'):
        visualise(config='alone', out='look.png')
    assert path.read_text() == 'mine'
    assert len(list(tmp_path.iterdir())) == 1
    path.unlink()
    path.mkdir()
    with pytest.raises(SystemExit, match=f'look.{end} is a folder'):
        visualise('--overwrite', config='alone')


def test_a_place_that_cannot_be_written(visualise, tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(SystemExit, match='cannot be written: '):
        visualise(config='alone', out='file/look')


@pytest.mark.parametrize('arguments', [['--queries', '0'], ['--topk', 'x'],
                                       ['--seed', '-1'], ['--compare', 'a']])
def test_bad_arguments(visualise, arguments, capsys):
    with pytest.raises(SystemExit, match='2'):
        visualise(*arguments)
    assert 'error: ' in capsys.readouterr().err
