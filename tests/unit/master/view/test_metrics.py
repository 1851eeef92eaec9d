"""Figures of experiments, and which of them are shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.view.metrics import columns, read_metrics


@pytest.mark.parametrize("text", ["", "[1]", "null", '{"a": "b"}', '{"a": ' * 5000, "\xff"])
def test_metrics_that_cannot_be_read_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "metrics.json").write_bytes(text.encode("latin-1"))
    assert read_metrics(tmp_path) == {}
    assert read_metrics(tmp_path / "missing") == {}


def test_unknown_metrics_are_shown_by_their_names() -> None:
    assert columns([{"a": 1.0, "b": 2.0}, {"c": 3.0, "d": 4.0}]) == ["a", "b", "c"]
    assert columns([{"a": 1.0, "best_target_model_target_test_f1": 2.0}]) == [
        "best_target_model_target_test_f1"
    ]
    assert columns([]) == []
