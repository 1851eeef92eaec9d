"""A folder of results belongs to one training; what another left is refused or, by choice, deleted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trainers.common.errors import BadInput
from trainers.tabular.running.claims import DONE, SETTINGS_FILE, checkpoint_of, claim, discard, is_done


def test_a_folder_is_claimed_and_taken_up_again(tmp_path: Path) -> None:
    claim(tmp_path, {"epochs": 3, "data": "x"}, {"epochs": 3})
    claim(tmp_path, {"epochs": 3, "data": "x"}, {"epochs": 3})
    assert json.loads((tmp_path / SETTINGS_FILE).read_text())["epochs"] == 3


def test_results_of_other_settings_are_refused_by_what_differs(tmp_path: Path) -> None:
    claim(tmp_path, {"epochs": 3, "data": "x"}, {})
    with pytest.raises(BadInput, match=r"other settings \(epochs was 3, is 4\); use --overwrite"):
        claim(tmp_path, {"epochs": 4, "data": "x"}, {})


def test_what_is_written_over_is_deleted_and_nothing_else(tmp_path: Path) -> None:
    claim(tmp_path, {"epochs": 3}, {})
    for path in (
        tmp_path / "mlp" / DONE,
        checkpoint_of(tmp_path / "kept", "mlp"),
        tmp_path / "mine" / "note",
        tmp_path / "metrics.json",
        tmp_path / "report.html",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    assert is_done(tmp_path, "mlp")
    discard(tmp_path, tmp_path / "kept")
    assert not is_done(tmp_path, "mlp") and not checkpoint_of(tmp_path / "kept", "mlp").exists()
    assert (tmp_path / "mine" / "note").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "mine"]
    claim(tmp_path, {"epochs": 4}, {})
