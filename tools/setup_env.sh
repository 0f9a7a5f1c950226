#!/usr/bin/env bash
# Create a virtual environment with pinned versions, and install mmcckd in it.
#
#   bash tools/setup_env.sh
#
# VENV    path of the environment; defaults to .venv in this repository
# PYTHON  Python 3.11 to create it with; defaults to the one on the PATH
#
# If the environment is up to date, only a stamp is compared, which is fast.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$(realpath -m "${VENV:-$root/.venv}")
mark=$venv/.mmcckd

# A changed lock, a changed setup.py, or a moved clone requires a new set-up.
stamp=$(cat "$root/requirements/lock.txt" "$root/setup.py" \
    <(echo "$root" "$venv") | sha256sum | cut -d ' ' -f 1)
if [ "$(cat "$mark" 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi
if [ ! -e "$mark" ] && [ -n "$(ls -A "$venv" 2>/dev/null)" ]; then
    echo "setup_env: $venv is not empty and was not created by this script," \
        "so it is not changed. Set VENV to another path, or install into" \
        "your own environment with: pip install ." >&2
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
    echo "setup_env: the pinned versions need Python 3.11, but none of these" \
        "is Python 3.11: ${candidates[*]}. Set PYTHON to its path, or" \
        "install into your own environment with: pip install ." >&2
    exit 1
fi

echo "setup_env: installing pinned packages into $venv" \
    "(6 GB, mostly torch's CUDA libraries; takes minutes)"
mkdir -p "$venv"
echo "unfinished" >"$mark"
pip=("$venv/bin/python" -m pip --disable-pip-version-check)
if ! is_python_3_11 "$venv/bin/python" || ! "${pip[@]}" --version >/dev/null 2>&1
then
    "$python" -m venv "$venv"
fi
# --no-deps: the lock is complete, and no other packages are installed.
"${pip[@]}" install --quiet --no-deps -r "$root/requirements/lock.txt"
"${pip[@]}" install --quiet --no-deps --no-build-isolation -e "$root"
echo "$stamp" >"$mark"
echo "setup_env: done"
