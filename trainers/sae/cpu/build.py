"""The kernels as a library: compiled once on each machine, and kept in the user's cache."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from trainers.sae.cpu.bytes_source import BYTES
from trainers.sae.cpu.source import KERNELS

SOURCE = KERNELS + BYTES

FLAGS = (
    "-std=c++17",
    "-O3",
    "-march=native",
    "-fopenmp-simd",
    "-fno-math-errno",
    "-shared",
    "-fPIC",
    "-pthread",
)
COMPILERS = ("c++", "g++", "clang++")
SECONDS = 120
"""That a compiler may take."""


class NoLibrary(Exception):
    """Why there is none, in a line."""


@functools.cache
def library() -> ctypes.CDLL:
    """Return the compiled kernels; raises NoLibrary."""
    compiler = _compiler()
    path = folder() / f"sae-{_digest(compiler)}.so"
    try:
        if not path.exists():
            _compile(compiler, path)
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise NoLibrary(f"{path} cannot be made or loaded: {error}") from error


def folder() -> Path:
    """Return where libraries are kept, which only the user may write to; raises NoLibrary."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    found = base / "twophase" / "libraries"
    try:
        found.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = found.stat()
    except (OSError, RuntimeError) as error:
        raise NoLibrary(f"{found} cannot be made: {error}") from error
    if kept.st_uid != os.getuid() or kept.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NoLibrary(f"{found} can be written to by others: remove it, or chmod 700")
    return found


def _compiler() -> str:
    for name in (os.environ.get("CXX", ""), *COMPILERS):
        found = shutil.which(name) if name else None
        if found:
            return found
    raise NoLibrary("there is no C++ compiler (g++, clang++)")


def _digest(compiler: str) -> str:
    """Tell libraries apart by all that decides what is compiled, the kind of processor included."""
    parts = (SOURCE, " ".join(FLAGS), os.path.realpath(compiler), platform.machine(), _processor())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags"))}))


def _compile(compiler: str, path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent) as name:
        source, made = Path(name) / "kernels.cpp", Path(name) / "kernels.so"
        source.write_text(SOURCE)
        words = [compiler, *FLAGS, str(source), "-o", str(made)]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise NoLibrary(f"{compiler} took more than {SECONDS} s") from error
        if done.returncode:
            raise NoLibrary(f"{compiler} failed: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
        made.replace(path)
