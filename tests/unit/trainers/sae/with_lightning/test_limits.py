"""What the Lightning engine does not do is told before anything is read or written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.trainers.sae.data import quiet, request
from trainers.common.errors import BadInput, TrainerError
from trainers.sae.with_lightning import limits


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"architecture": "batchtopk"}, "--engine lightning trains relu, gelu, topk, not batchtopk"),
        ({"architecture": "topk", "unit_norm": True}, "has no --unit-norm"),
        ({"architecture": "topk", "precision": "int8"}, "has no --precision int8"),
        ({"architecture": "topk", "resample_every": 5}, "has no --resample-every"),
    ],
)
def test_what_it_does_not_do(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        quiet(request(tmp_path / "out", tmp_path / "no-file.npy", engine="lightning", **options))
    assert not (tmp_path / "out").exists()


def test_without_lightning_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(TrainerError, match=r"needs Lightning: pip install 'twophase\[lightning\]'"):
        quiet(request(tmp_path, tmp_path / "no-file.npy", engine="lightning", architecture="relu"))
    with pytest.raises(BadInput, match=r"no-file\.npy"):
        quiet(request(tmp_path, tmp_path / "no-file.npy", architecture="relu"))
