#!/usr/bin/env bash
# Run tests with other versions of the packages than the pinned ones.
#
#   bash tools/test_matrix.sh NAME [arguments of pytest]
#
# NAME is a file of requirements/matrix/, such as torch21. Its lines replace the
# lines of requirements/lock.txt with the same package, or with the one in a
# comment "# replaces PACKAGE". A line "# Python 3.10" asks for this Python. By
# default, the tests of all parts but the tools, studies and documentation are
# run, and a training of the digits that is resumed.
#
# VENV    path of the environment; defaults to .venv-NAME in this repository
# PYTHON  Python to create it with; see tools/setup_env.sh
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
name=${1:-}
replacements=$root/requirements/matrix/$name.txt
if [ -z "$name" ] || [ ! -f "$replacements" ]; then
    echo "usage: bash tools/test_matrix.sh NAME [arguments of pytest]," \
        "where NAME is one of:" $(cd "$root/requirements/matrix" && ls |
            sed 's/\.txt$//') >&2
    exit 2
fi
shift

export LOCK=$root/.cache/matrix/$name.txt
mkdir -p "$(dirname "$LOCK")"
replaced=$(sed -n -e 's/.*# replaces *//p;t' -e 's/^\([^#=]*\)==.*/\1/p' \
    "$replacements")
{
    grep -vxF -f <(for package in $replaced; do
        grep -i "^$package==" "$root/requirements/lock.txt" || true
    done) "$root/requirements/lock.txt"
    cat "$replacements"
} >"$LOCK"
echo "test_matrix: $name:" $(grep -E \
    '^(# Python 3|(torch|torchvision|numpy|opencv-python-headless)==)' \
    "$LOCK") >&2

export VENV=${VENV:-$root/.venv-$name}
if [ $# = 0 ]; then
    set -- tests/compat tests/config_files tests/datasets tests/engine \
        tests/export tests/files tests/functional tests/models tests/recipes \
        tests/reid tests/test_configs.py tests/tools/test_train_and_test.py
fi
exec bash "$root/tools/run_tests.sh" "$@"
