"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import io
import json
from collections.abc import Mapping
from glob import escape
from pathlib import Path
from typing import Any

import torch

from trainers.common.errors import BadInput, FullDiskError, TrainerError
from trainers.common.resume import as_json
from trainers.common.torch_files import load_checkpoint
from worker_agent.protocol.whole_files import write_whole

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_bytes(path: Path, content: bytes) -> None:
    """Put `content` at `path`, creating its folder; a reader sees the old file or the new, never a part.

    What a killed attempt left of the same file is removed.  Raises FullDiskError where there is no room for
    it, BadInput where it cannot be written at all.
    """
    try:
        for left in path.parent.glob(f".{escape(path.name)}.*"):
            left.unlink(missing_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> TrainerError:
    """Return what to raise where a file cannot be written: a full disk is not the user's mistake."""
    if error.errno in _NO_ROOM:
        return FullDiskError(f"{path}: no room: {error}; make some, then the same command goes on")
    return BadInput(f"{path}: cannot write: {error}")


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """Return the JSON text of a value; what JSON cannot hold is replaced as `as_json` does."""
    return (json.dumps(as_json(value), indent=2, allow_nan=False) + "\n").encode()


def tensor_bytes(value: Mapping[str, Any]) -> bytes:
    """Return what `torch.load(…, weights_only=True)` reads as `value`; equal values give equal bytes."""
    # Saved by way of memory: torch.save writes the name of the file into the file.
    buffer = io.BytesIO()
    torch.save(dict(value), buffer)
    return buffer.getvalue()


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Put `value` at `path` as JSON."""
    write_bytes(path, json_bytes(value))


def write_tensors(path: Path, value: Mapping[str, Any]) -> None:
    """Put `value` at `path` so that `torch.load(path, weights_only=True)` returns it."""
    write_bytes(path, tensor_bytes(value))


def read_tensors(path: Path) -> dict[str, Any]:
    """Return what `write_tensors` wrote.

    FileNotFoundError where it is missing, ValueError where it is anything else.
    """
    value = load_checkpoint(path)
    if not isinstance(value, dict):
        raise ValueError(f"{path}: holds {type(value).__name__}, a dict is needed")
    return value
