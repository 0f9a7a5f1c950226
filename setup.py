import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
URL = 'https://github.com/mmcckd/mmcckd'


class BuildWithMim(build_py):
    """Put what MIM and MMEngine look for into ``mmcckd/.mim``.

    A wheel gets copies. A clone that pip installs by ``-e`` gets links, so
    that its configs stay the ones in use.
    """

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            mim = HERE / 'mmcckd' / '.mim'
        else:
            mim = Path(self.build_lib, 'mmcckd', '.mim')
            shutil.rmtree(mim, ignore_errors=True)  # of an earlier build
        mim.mkdir(parents=True, exist_ok=True)
        for name in ('configs', 'tools', 'model-index.yml'):
            if self.editable_mode:
                self.link(mim / name, Path('..', '..', name))
            elif (HERE / name).is_dir():
                shutil.copytree(
                    HERE / name,
                    mim / name,
                    ignore=shutil.ignore_patterns('__pycache__', '*.py[cod]'))
            else:
                shutil.copy2(HERE / name, mim)

    def link(self, link: Path, target: Path) -> None:
        try:
            if link.is_symlink():
                link.unlink()
            link.symlink_to(target)
        except OSError as error:  # Windows asks for a privilege
            self.warn(f'{link} could not be linked to {target}: {error}. '
                      'Names of configs such as mmcckd::… will not be found.')


def read_requirements(name: str) -> list:
    lines = (HERE / 'requirements' / f'{name}.txt').read_text().splitlines()
    return [line for line in lines if line and not line.startswith('#')]


def read_readme() -> str:
    """The README with links that lead somewhere from PyPI's page as well."""
    text = (HERE / 'README.md').read_text(encoding='utf-8')
    relative = r'\((?!https?:|#)'
    text = re.sub(rf'(!\[[^]]*\]){relative}', rf'\1({URL}/raw/main/', text)
    return re.sub(rf'\]{relative}', f']({URL}/blob/main/', text)


def read_version() -> str:
    scope = {}
    exec((HERE / 'mmcckd' / 'version.py').read_text(), scope)
    return scope['__version__']


setup(
    name='mmcckd',
    version=read_version(),
    description='Correlation Congruence for Knowledge Distillation, '
    'a plugin for MMRazor',
    long_description=read_readme(),
    long_description_content_type='text/markdown',
    author='mmcckd contributors',
    url=URL,
    project_urls={
        'Documentation': f'{URL}/tree/main/docs',
        'Changelog': f'{URL}/blob/main/CHANGELOG.md',
        'Issues': f'{URL}/issues',
    },
    license='Apache-2.0',
    license_files=['LICENSE'],
    keywords='computer vision, deep learning, knowledge distillation, '
    'correlation congruence, PyTorch, OpenMMLab, MMRazor',
    cmdclass=dict(build_py=BuildWithMim),
    packages=find_packages(include=['mmcckd', 'mmcckd.*']),
    package_data={'': ['*.jinja'], 'mmcckd': ['py.typed', 'configs/**/*.py']},
    python_requires='>=3.10,<3.13',
    install_requires=read_requirements('runtime'),
    extras_require=dict(
        openmmlab=read_requirements('openmmlab'),
        onedl=read_requirements('onedl'),
        docs=read_requirements('docs'),
        onnx=read_requirements('onnx'),
        tests=read_requirements('tests'),
        benchmarks=read_requirements('benchmarks')),
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Developers',
        'Intended Audience :: Science/Research',
        'Operating System :: OS Independent',
        'Programming Language :: Python :: 3 :: Only',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
        'Topic :: Scientific/Engineering :: Image Recognition',
        'Typing :: Typed',
    ],
    zip_safe=False)
