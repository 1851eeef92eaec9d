"""What a result says in its `metrics.json`, or why that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.storage.metrics_file import base_metrics, metrics_json, read_metrics


@pytest.mark.parametrize("text", ["", "[1]", "null", '{"a": "b"}', '{"a": ' * 5000, "\xff"])
def test_metrics_that_cannot_be_read_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "metrics.json").write_bytes(text.encode("latin-1"))
    assert read_metrics(tmp_path) == {}
    assert read_metrics(tmp_path / "missing") == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{'f1': 1}", "metrics.json is not JSON"),
        ("[1]", "metrics.json is no object of names and numbers"),
        (" " * ((1 << 20) + 1), "metrics.json is larger than 1 MiB"),
        ('{"f1": 0.5, "name": "x", "nan": NaN}', ""),
    ],
)
def test_why_it_cannot_be_read_is_told(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text(text)
    assert metrics_json(tmp_path) == ({} if problem else {"f1": 0.5}, problem)


def test_base_models_may_call_their_metrics_so(tmp_path: Path) -> None:
    assert base_metrics(tmp_path) == {}
    (tmp_path / "base_metrics.json").write_text('{"base_val_loss": 0.5, "name": "x"}')
    assert base_metrics(tmp_path) == {"base_val_loss": 0.5}
    (tmp_path / "metrics.json").write_text('{"f1": 1}')
    assert base_metrics(tmp_path) == {"f1": 1.0}
