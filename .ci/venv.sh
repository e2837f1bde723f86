#!/bin/sh
# A virtual environment with this package in it:  .ci/venv.sh DIR EXTRAS [PYTHON]
# Installs into DIR and nowhere else. PYTHON is the interpreter to use; without it the newest
# one on PATH that runs. With uv on PATH it takes seconds, without it pip does the same.
set -eu

# Python 3.10 to 3.13 are what the tests run on; a later `python3` is better than none.
candidates="python3.13 python3.12 python3.11 python3.10 python3"

runs() { # a version manager's shim can stand on PATH for an interpreter that is not enabled
    "$1" -c "$check" >/dev/null 2>&1
}

dir=$1
extras=$2
python=${3:-}

have_uv=no
check="import sys; sys.exit(sys.version_info < (3, 10))"
if command -v uv >/dev/null 2>&1; then
    have_uv=yes
else # Debian ships a Python whose venv module cannot make a usable environment: no ensurepip
    check="import ensurepip, venv; $check"
fi

if [ -z "$python" ]; then
    for candidate in $candidates; do
        if runs "$candidate"; then
            python=$candidate
            break
        fi
    done
fi
if [ -z "$python" ] || ! runs "$python"; then
    echo "common-ml needs Python 3.10 or newer with its venv module" \
        "(Debian and Ubuntu: apt install python3-venv); got: ${python:-none}." \
        "Name one with: make PYTHON=/path/to/python3" >&2
    exit 1
fi

# An environment that is there stays, if its interpreter still runs.
if ! "$dir/bin/python" -c "$check" >/dev/null 2>&1; then
    python=$("$python" -c "import sys; print(sys.executable)")
    echo "Making $dir with $("$python" -V)" >&2
    rm -rf "$dir"
    if [ $have_uv = yes ]; then
        uv venv --quiet --seed --python "$python" "$dir" # with pip: tests use it
    else
        "$python" -m venv "$dir"
    fi
fi

echo "Installing common-ml[$extras] into $dir" >&2
if [ $have_uv = yes ]; then
    uv pip install --quiet --python "$dir/bin/python" --editable ".[$extras]"
else
    # pip is absent from an environment that uv made
    "$dir/bin/python" -m pip --version >/dev/null 2>&1 || "$dir/bin/python" -m ensurepip >/dev/null
    "$dir/bin/python" -m pip install -qq --editable ".[$extras]"
fi
