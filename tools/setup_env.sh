#!/usr/bin/env bash
# Make a virtual environment with pinned versions and mmcckd in it.
#
#   bash tools/setup_env.sh
#
# VENV    where to make it; defaults to .venv beside this repository's README
# PYTHON  the Python 3.11 to make it with; defaults to the one on the PATH
#
# Quick when it is already done: it then only compares a stamp.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$(realpath -m "${VENV:-$root/.venv}")
mark=$venv/.mmcckd

# Another lock, another setup.py, or a moved clone: set up again.
stamp=$(cat "$root/requirements/lock.txt" "$root/setup.py" \
    <(echo "$root" "$venv") | sha256sum | cut -d ' ' -f 1)
if [ "$(cat "$mark" 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi
if [ ! -e "$mark" ] && [ -n "$(ls -A "$venv" 2>/dev/null)" ]; then
    echo "setup_env: $venv is not empty and was not made by this script, so" \
        "it is left alone. Set VENV to another place, or install into an" \
        "environment of your own with: pip install ." >&2
    exit 1
fi

is_python_3_11() {
    "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null
}
if [ -n "${PYTHON:-}" ]; then
    candidates=("$PYTHON")
else
    candidates=(python3.11 python3 python)
fi
python=
for candidate in "${candidates[@]}"; do
    if is_python_3_11 "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "setup_env: the pinned versions are for Python 3.11, but none of" \
        "these is one: ${candidates[*]}. Set PYTHON to one, or install into" \
        "an environment of your own with: pip install ." >&2
    exit 1
fi

echo "setup_env: installing pinned packages into $venv" \
    "(6 GB, mostly torch's CUDA libraries; minutes)"
mkdir -p "$venv"
echo "unfinished" >"$mark"
pip=("$venv/bin/python" -m pip --disable-pip-version-check)
if ! is_python_3_11 "$venv/bin/python" || ! "${pip[@]}" --version >/dev/null 2>&1
then
    "$python" -m venv "$venv"
fi
# --no-deps: the lock is complete, and nothing but the lock is installed.
"${pip[@]}" install --quiet --no-deps -r "$root/requirements/lock.txt"
"${pip[@]}" install --quiet --no-deps --no-build-isolation -e "$root"
echo "$stamp" >"$mark"
echo "setup_env: done"
