"""What a request is for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.unit.trainers.tabular.test_run import request


def test_a_child_is_a_base_model_with_a_parent(tmp_path: Path) -> None:
    made = request(tmp_path)
    assert not made.is_child and not replace(made, is_base=True).is_child
    assert not replace(made, start=tmp_path).is_child
    assert replace(made, start=tmp_path, is_base=True).is_child
