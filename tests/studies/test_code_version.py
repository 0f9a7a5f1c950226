import subprocess
from pathlib import Path

from mmcckd.studies import code_version
from mmcckd.studies.code_version import code_digest, commit_of

ROOT = Path(__file__).parents[2]


def test_the_digest_changes_with_code_and_configs(tmp_path, monkeypatch):
    package, config = tmp_path / 'mmcckd', tmp_path / 'configs/a/b.py'
    module = package / 'c.py'
    monkeypatch.setattr(code_version, 'PACKAGE', package)
    for path in (config, module):
        path.parent.mkdir(parents=True)
        path.write_text('x = 1')
    digests = [code_digest(tmp_path)]
    assert code_digest(tmp_path) == digests[0]
    for path in (config, module):
        path.write_text('x = 2')
        digests.append(code_digest(tmp_path))
    module.rename(package / 'd.py')
    digests.append(code_digest(tmp_path))
    monkeypatch.setattr(code_version.torch, '__version__', '0')
    digests.append(code_digest(tmp_path))
    assert len(set(digests)) == 5


def test_commit_of_a_repository(tmp_path, monkeypatch):
    # The folder may be in a repository itself.
    monkeypatch.setenv('GIT_CEILING_DIRECTORIES', str(tmp_path.parent))
    (tmp_path / 'configs').mkdir()
    assert commit_of(tmp_path) == 'unknown'

    def git(*arguments):
        return subprocess.run(['git', '-C', tmp_path, *arguments],
                              check=True,
                              capture_output=True,
                              text=True).stdout.strip()

    git('init')
    (tmp_path / 'configs/a.py').write_text('x = 1')
    git('add', '.')
    git('-c', 'user.name=a', '-c', 'user.email=a', 'commit', '-m', 'a')
    commit = git('rev-parse', 'HEAD')[:10]
    assert commit_of(tmp_path) == commit
    (tmp_path / 'configs/a.py').write_text('x = 2')
    assert commit_of(tmp_path) == commit + '+'


def test_without_git(tmp_path, monkeypatch):
    monkeypatch.setenv('PATH', str(tmp_path))
    assert commit_of(ROOT) == 'unknown'
