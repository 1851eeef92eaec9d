"""A folder of results belongs to one training; what another left is refused or, by choice, deleted."""

from __future__ import annotations

from pathlib import Path

from trainers.common.claims import claim
from trainers.tabular.running.claims import DONE, SETTINGS_FILE, checkpoint_of, discard, is_done


def test_what_is_written_over_is_deleted_and_nothing_else(tmp_path: Path) -> None:
    claim(tmp_path / SETTINGS_FILE, {"epochs": 3}, {})
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
    claim(tmp_path / SETTINGS_FILE, {"epochs": 4}, {})
