#!/usr/bin/env bash
# Run tests with other versions of the packages than the pinned ones.
#
#   bash tools/test_matrix.sh NAME [arguments of pytest]
#
# NAME is a file of requirements/matrix/, such as onedl. Its lines replace the
# lines of requirements/lock.txt with the same package, or with the one in a
# comment "# replaces PACKAGE". By default, the tests of kernels, models,
# recipes and configs are run.
#
# VENV  path of the environment; defaults to .venv-NAME in this repository
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
        grep -i "^$package==" "$root/requirements/lock.txt"
    done) "$root/requirements/lock.txt"
    cat "$replacements"
} >"$LOCK"

export VENV=${VENV:-$root/.venv-$name}
if [ $# = 0 ]; then
    set -- tests/compat tests/config_files tests/engine tests/functional \
        tests/models tests/recipes tests/test_configs.py
fi
exec bash "$root/tools/run_tests.sh" "$@"
