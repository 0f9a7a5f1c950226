#!/usr/bin/env bash
# Create a virtual environment with pinned versions, and install mmcckd in it.
#
#   bash tools/setup_env.sh
#   bash tools/setup_env.sh --full
#
# --full  also install mmdet, mmdet3d, mmsegmentation and timm, and the full
#         mmcv instead of mmcv-lite, as requirements/lock-full.txt says. mmcv is
#         built for the CPU, which needs a C++ compiler; see
#         tools/build_mmcv.sh. An environment with these packages keeps them
#         when it is updated without --full.
#
# VENV    path of the environment; defaults to .venv in this repository, and
#         with --full to .venv-full
# PYTHON  Python 3.11 to create it with; defaults to the one on the PATH
# LOCK    other pinned versions than those of requirements/lock.txt. The last
#         line such as "# Python 3.10" in it asks for another Python than 3.11.
#
# If the environment is up to date, only a stamp is compared, which is fast.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
full=
case "${1:-}" in
    '') ;;
    --full) full=full ;;
    *) echo "setup_env: unknown argument $1; the only one is --full" >&2
       exit 2 ;;
esac
venv=$(realpath -m "${VENV:-$root/.venv${full:+-full}}")
mark=$venv/.mmcckd
lock=$(realpath "${LOCK:-$root/requirements/lock.txt}")
if grep -qs '^full' "$mark"; then
    full=full
fi

pins() {
    if [ -z "$full" ]; then
        cat "$lock"
    else
        grep -v '^mmcv-lite==' "$lock"
        grep -v '^mmcv==' "$root/requirements/lock-full.txt"
    fi
}

# A changed lock, a changed setup.py, or a moved clone requires a new set-up.
stamp=$full$(cat <(pins) "$root/setup.py" <(echo "$root" "$venv") |
    sha256sum | cut -d ' ' -f 1)
if [ "$(cat "$mark" 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi
if [ ! -e "$mark" ] && [ -n "$(ls -A "$venv" 2>/dev/null)" ]; then
    echo "setup_env: $venv is not empty and was not created by this script," \
        "so it is not changed. Set VENV to another path, or install into" \
        "your own environment with: pip install \".[openmmlab]\"" >&2
    exit 1
fi

version=$(sed -n 's/^# Python \(3\.[0-9]*\)$/\1/p' "$lock" | tail -n 1)
version=${version:-3.11}
has_version() {
    "$1" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" \
        2>/dev/null
}
if [ -n "${PYTHON:-}" ]; then
    candidates=("$PYTHON")
else
    candidates=("python$version" python3 python)
fi
python=
for candidate in "${candidates[@]}"; do
    if has_version "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "setup_env: the pinned versions need Python $version, but none of" \
        "these is Python $version: ${candidates[*]}. Set PYTHON to its path, or" \
        "install into your own environment with:" \
        "pip install \".[openmmlab]\"" >&2
    exit 1
fi

echo "setup_env: installing pinned packages into $venv" \
    "(6 GB, mostly torch's CUDA libraries; takes minutes)"
mkdir -p "$venv"
echo "${full}unfinished" >"$mark"
pip=("$venv/bin/python" -m pip --disable-pip-version-check)
if ! has_version "$venv/bin/python" || ! "${pip[@]}" --version >/dev/null 2>&1
then
    "$python" -m venv "$venv"
fi
# --no-deps: the lock is complete, and no other packages are installed.
"${pip[@]}" install --quiet --no-deps -r <(pins)
if [ -n "$full" ]; then
    wheel=$(bash "$root/tools/build_mmcv.sh" "$venv")
    "${pip[@]}" uninstall --quiet --yes mmcv-lite 2>/dev/null
    "${pip[@]}" install --quiet --no-deps "$wheel"
fi
"${pip[@]}" install --quiet --no-deps --no-build-isolation -e "$root"
echo "$stamp" >"$mark"
echo "setup_env: done"
