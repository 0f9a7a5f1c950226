from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent


def read_requirements(name: str) -> list:
    lines = (HERE / 'requirements' / f'{name}.txt').read_text().splitlines()
    return [line for line in lines if line and not line.startswith('#')]


def read_version() -> str:
    scope = {}
    exec((HERE / 'mmcckd' / 'version.py').read_text(), scope)
    return scope['__version__']


setup(
    name='mmcckd',
    version=read_version(),
    description='Correlation Congruence for Knowledge Distillation, '
    'a plugin for MMRazor',
    long_description=(HERE / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    license_files=['LICENSE'],
    keywords='computer vision, knowledge distillation, OpenMMLab',
    packages=find_packages(include=['mmcckd', 'mmcckd.*']),
    python_requires='>=3.10,<3.13',
    install_requires=read_requirements('runtime'),
    extras_require=dict(
        tests=read_requirements('tests'),
        benchmarks=read_requirements('benchmarks')),
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Science/Research',
        'Operating System :: OS Independent',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
    zip_safe=False)
