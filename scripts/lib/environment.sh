# Sourced by the scripts beside it: the project's virtual environment.
# shellcheck shell=bash

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
venv=$project/.venv

say() { printf '== %s\n' "$*" >&2; }
fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Whether packages can be installed: root on a system with apt.
can_install() { [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; }

apt_install() {
    local output
    export DEBIAN_FRONTEND=noninteractive
    if ! output=$( (apt-get update && apt-get install --yes --no-install-recommends "$@") 2>&1 </dev/null); then
        printf '%s\n' "$output" | tail -n 20 >&2
        return 1
    fi
}

is_recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; }

find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 python3.10; do
        if command -v "$candidate" >/dev/null && is_recent "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    fail "no Python 3.10 or newer on PATH: install one, or name it with PYTHON=/path/to/python3"
}

ensure_venv_module() {
    local package
    if "$1" -c 'import ensurepip, venv' 2>/dev/null; then return; fi
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    can_install || fail "$1 cannot create virtual environments: install its venv module (on Debian and Ubuntu: apt-get install $package)"
    say "installing $package"
    apt_install "$package" || fail "apt-get could not install $package"
}

# Creates .venv, and installs the project into it when the interpreter or the requirements changed.
ensure_environment() {
    local python wanted stamp=$venv/.requirements
    python=$(find_python)
    wanted=$({ "$python" -VV; pwd -P; cat pyproject.toml constraints.txt; } | sha256sum)
    if is_recent "$venv/bin/python" && [[ -f $stamp && $(<"$stamp") == "$wanted" ]]; then return; fi
    if ! is_recent "$venv/bin/python"; then
        ensure_venv_module "$python"
        say "creating .venv with $("$python" -V)"
        "$python" -m venv --clear "$venv"
    fi
    say "installing the project and its requirements into .venv"
    "$venv/bin/python" -m pip install --quiet -c constraints.txt -e '.[trainers,dev]' </dev/null
    printf '%s' "$wanted" >"$stamp"
}
