from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from tests.support import watcher


@pytest.mark.parametrize("told", [b"", b"all is well"])
def test_all_is_ended_once_the_input_has_and_tells_nothing(
    monkeypatch: pytest.MonkeyPatch, told: bytes
) -> None:
    stream, ended = io.BytesIO(told), list[tuple[str, bool]]()
    monkeypatch.setattr(sys, "argv", ["watcher", "/tmp/place"])
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream))
    monkeypatch.setattr(watcher.signal, "signal", lambda *of: None)
    monkeypatch.setattr(watcher, "end_all", lambda mark: ended.append((mark, stream.read() == b"")))
    watcher.main()
    assert ended == ([] if told else [("/tmp/place", True)])
