"""Where what workers may ask for lies."""

from __future__ import annotations

from pathlib import Path

from master.storage.library import Library
from tests.support.courier_world import SHA, SPEC


def test_a_base_model_is_dropped_once() -> None:
    library = Library()
    library.hold(SPEC, SHA, Path("/store"), "cnn")
    assert (library.drop(SHA), library.drop(SHA), library.paths) == (SPEC, None, {})
