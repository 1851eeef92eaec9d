from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from tests.support import slurm_watch


def test_all_is_ended_once_the_input_has(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, ended = io.BytesIO(), list[tuple[str, bool]]()
    monkeypatch.setattr(sys, "argv", ["slurm_watch", "/tmp/place"])
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream))
    monkeypatch.setattr(slurm_watch.signal, "signal", lambda *of: None)
    monkeypatch.setattr(slurm_watch, "end_all", lambda mark: ended.append((mark, stream.read() == b"")))
    slurm_watch.main()
    assert ended == [("/tmp/place", True)]
