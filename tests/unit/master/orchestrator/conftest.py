"""Projects of training scripts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a script that takes the given flags, or the given text."""

    def write(name: str, *flags: str, text: str | None = None) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = ["import argparse", "parser = argparse.ArgumentParser()"]
        lines += [f"parser.add_argument({flag!r})" for flag in flags]
        path.write_text("\n".join(lines) if text is None else text, encoding="utf-8")
        return path

    return write
