"""`twophase base`."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.storage.base_model_store import BaseModelStore, make_manifest
from master.storage.run_layout import RunLayout
from master.verbs.stored.base import main
from tests.unit.master.verbs.published import as_published
from worker_agent.protocol.digests import content_hash, digest_directory
from worker_agent.protocol.outcome import BaseModelLeft

FIRST = "a" * 32


@pytest.fixture
def stored(run: Path) -> Path:
    """Return the folder of a base model in the run's store."""
    staged = run / "staged"
    staged.mkdir()
    (staged / "model.bin").write_bytes(b"weights")
    files = digest_directory(staged)
    made = BaseModelLeft(content_hash(files), list(files))
    store = BaseModelStore(RunLayout(run))
    store.add(
        staged, make_manifest(FIRST, {"seed": 1, "code": "c"}, made, worker="lab1", duration_seconds=9.0)
    )
    return store.path(FIRST)


def test_base_models_are_listed_with_who_starts_from_them(
    run: Path, stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ls", "--run", str(run)]) == 0
    _, line = capsys.readouterr().out.splitlines()
    assert line.split() == [FIRST[:12], "1", "0.0", "MB", "9.0s", "here", "seed=1"]
    main(["ls", "--run", str(run), "--json"])
    (entry,) = as_published("base", capsys.readouterr().out)["base_models"]
    assert (entry["bytes"], entry["files"], entry["jobs"], entry["problem"]) == (7, 1, 1, None)


def test_a_changed_file_is_found_by_verify_alone(
    run: Path, stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "--run", str(run)]) == 0
    assert " whole " in capsys.readouterr().out
    (stored / "model.bin").write_bytes(b"Weights")
    assert main(["ls", "--run", str(run)]) == 0
    assert main(["verify", "--run", str(run), "--json"]) == 1
    told = capsys.readouterr()
    assert "model.bin not as in the manifest" in told.err
    (entry,) = as_published("base", told.out[told.out.index("{") :])["base_models"]
    assert "model.bin" in entry["problem"]


def test_a_folder_without_a_run_has_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", "--run", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "no base models here\n"
    assert main(["ls", "--run", str(tmp_path / "nowhere")]) == 2
    assert "is no directory" in capsys.readouterr().err
