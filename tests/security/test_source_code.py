"""No code of the repository runs text, or starts a shell with it."""
import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [
    path for folder in ('mmcckd', 'tools', 'docs')
    for path in (ROOT / folder).rglob('*.py')
]
# Calls that run what they read, by the end of their names.
REFUSED = re.compile(
    r'^(builtins\.)?(eval|exec|compile|__import__)$|'
    r'(^|\.)(system|popen|getoutput|getstatusoutput|spawn[lv]p?e?|import_module|import_modules_from_strings|'
    r'get_object_from_string|run_path|run_module|fromstring)$|'
    r'(^|\.)(pickle|cPickle|dill|cloudpickle|marshal|shelve|joblib|jsonpickle|'
    r'yaml|torch|torch\.jit|mmengine|fileio|tarfile|xml\.etree\.ElementTree)'
    r'\.(load|loads|load_all|unsafe_load|full_load|Unpickler|_Unpickler|open|'
    r'extractall|parse)$|(^|\.)(extractall|urlopen|urlretrieve|load_url|'
    r'load_state_dict_from_url)$')
# Where they are allowed, and why.
ALLOWED = {
    'docs/_ext/public_api.py': 'import_module: its own modules',
    'mmcckd/__init__.py': '__import__: its own modules, by literals',
    'mmcckd/compat': 'import_module: packages that mmcckd builds on',
    'mmcckd/compat/mmengine_custom_imports.py':
    'import_modules_from_strings: of a config that the user gives',
    'mmcckd/compat/mmengine_checkpoints.py':
    'torch.load: called by MMEngine, in the place of its own',
    'mmcckd/compat/version_assertions.py':
    'compile: the source code of an installed package',
    'mmcckd/config_files/cfg_path.py':
    'import_module: MMEngine has checked that it is an OpenMMLab package',
    'mmcckd/config_files/overrides.py':
    'import_modules_from_strings: of an option that the user gives',
    'mmcckd/datasets/fingerprint.py':
    'pickle.loads: what MMEngine has pickled in this process',
    'mmcckd/export/stored_config.py':
    'import_module: a package of a list',
    'mmcckd/models/distillers/recorders.py':
    'import_module: a source in a config that the user gives',
    'mmcckd/studies/yaml_text.py': 'parse: into events, by the safe loader',
}


def name_of(node):
    """Such as "torch.load"; the first part is "" for an expression."""
    if isinstance(node, ast.Attribute):
        return f'{name_of(node.value)}.{node.attr}'
    return node.id if isinstance(node, ast.Name) else ''


@functools.cache
def calls():
    return [(path.relative_to(ROOT).as_posix(), node) for path in FILES
            for node in ast.walk(ast.parse(path.read_text(encoding='utf-8')))
            if isinstance(node, ast.Call)]


def test_no_call_runs_what_it_reads():
    used, wrong = set(), []
    for path, call in calls():
        name = name_of(call.func)
        if not REFUSED.search(name):
            continue
        places = {path, path.rpartition('/')[0]} & ALLOWED.keys()
        function = name.rpartition('.')[2]
        found = [p for p in places if function in ALLOWED[p].split(':')[0]]
        used.update(found)
        if not found:
            wrong.append(f'{path}:{call.lineno}: {name}')
    assert not wrong, wrong
    assert used == set(ALLOWED), set(ALLOWED) - used


def test_no_argument_allows_code():
    wrong = [
        f'{path}:{call.lineno}: {word.arg}' for path, call in calls()
        for word in call.keywords
        if word.arg in ('shell', 'allow_pickle', 'trust_remote_code')
        and not (isinstance(word.value, ast.Constant)
                 and word.value.value is False)
        or word.arg == 'weights_only' and not (
            isinstance(word.value, ast.Constant) and word.value.value is True)
    ]
    assert not wrong, wrong


def test_programs_get_lists_of_arguments():
    """Not one text, which a shell would have to split."""
    text = ast.Constant, ast.JoinedStr, ast.BinOp, ast.Call
    for path, call in calls():
        if name_of(call.func).startswith('subprocess.'):
            assert not isinstance(call.args[0], text), f'{path}:{call.lineno}'


def test_templates_do_not_switch_off_escaping():
    for path in (ROOT / 'mmcckd').rglob('*.jinja'):
        text = path.read_text(encoding='utf-8')
        assert not re.search(r'\|\s*safe|autoescape|Markup', text), path
        # A value in an attribute without quotes could add another one.
        assert not re.search(r'=\s*{{', text), path
    for path in (ROOT / 'mmcckd').rglob('*.py'):
        text = path.read_text(encoding='utf-8')
        assert 'Markup(' not in text and 'autoescape=False' not in text, path


@pytest.mark.parametrize('script', sorted((ROOT / 'tools').glob('*.sh')),
                         ids=lambda path: path.name)
def test_shell_scripts_run_no_text(script):
    lines = [line.split(' #')[0] for line in script.read_text().splitlines()
             if not line.lstrip().startswith('#')]
    text = '\n'.join(lines)
    assert not re.search(r'(^|[\s;&|(])(eval|source)\s+["$]', text)
    assert not re.search(r'\b(ba)?sh -c\s', text)
    assert not re.search(r'(curl|wget)\b.*\|\s*(ba)?sh\b', text)
    # Arguments of the user keep their spaces.
    assert not re.search(r'(?<!")\$[@*]|"\$\*"', text)
