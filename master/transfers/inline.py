"""Small files that came along with a message."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Mapping
from pathlib import Path

from master.errors import IntegrityError


def write_inline(staged: Path, contents: Mapping[str, str]) -> None:
    """Make a directory of the files with these contents (base64) by path.  Raises IntegrityError, OSError."""
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    for name, text in contents.items():
        path = staged / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.write_bytes(base64.b64decode(text, validate=True))
        except (ValueError, TypeError) as error:
            raise IntegrityError(f"{name} came garbled: {error}") from error
