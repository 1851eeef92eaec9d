"""Whose a folder of results is: of which settings and which data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainers.common.errors import BadInput
from trainers.common.files import write_json
from trainers.common.json_files import read_json_file
from trainers.common.resume import as_json, differences


def claim(path: Path, fingerprint: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Make a folder this training's by the file `path` in it.

    BadInput where it holds results of other settings or data.
    """
    if path.exists():
        before = read_json_file(path).get("_fingerprint", {})
        if not isinstance(before, dict):
            raise BadInput(f"{path}: does not say of which training this folder is; use --overwrite")
        changed = differences(before, as_json(fingerprint))
        if changed:
            raise BadInput(f"{path.parent} holds a training of other settings ({changed}); use --overwrite")
    write_json(path, {**config, "_fingerprint": fingerprint})
