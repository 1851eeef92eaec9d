"""The choice between the same results and a raised version, written into a manifest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from master.code.trainer_manifest import read_manifest, sources_digest
from scripts.record_trainer import main
from tests.support.empty_trainer import write_trainer


@pytest.fixture
def trainers(tmp_path: Path) -> Path:
    for name in ("calm", "other"):
        write_trainer(tmp_path, name)
    assert main(["--same-results"], tmp_path) == 0
    return tmp_path


def test_a_changed_source_is_recorded_with_the_same_version(trainers: Path) -> None:
    (trainers / "calm" / "more.py").write_text("x = 1\n")
    before = read_manifest(trainers / "calm")
    assert sources_digest(before) != before.sources
    assert main(["--same-results"], trainers) == 0
    after = read_manifest(trainers / "calm")
    assert (after.version, after.sources) == (before.version, sources_digest(after))


def test_a_raised_version_is_that_of_the_changed_trainers_alone(
    trainers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (trainers / "calm" / "__main__.py").write_text("x = 1\n")
    assert main(["--raise-version"], trainers) == 0
    assert [read_manifest(trainers / name).version for name in ("calm", "other")] == ["2", "1"]
    assert "calm: other results, now version 2" in capsys.readouterr().out


def test_what_trainers_share_is_part_of_each(trainers: Path) -> None:
    room = trainers / "common"
    room.mkdir()
    (room / "__init__.py").write_text("")
    path = trainers / "calm" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "shares": ["common"]}))
    main(["--same-results"], trainers)
    (room / "seeds.py").write_text("SEED = 1\n")
    stale = [
        name
        for name in ("calm", "other")
        if (found := read_manifest(trainers / name)).sources != sources_digest(found)
    ]
    assert stale == ["calm"]


def test_nothing_is_recorded_where_nothing_has_changed(
    trainers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (trainers / "calm" / "manifest.json").read_bytes()
    assert main(["--raise-version", "calm"], trainers) == 0
    assert "nothing to record" in capsys.readouterr().out
    assert (trainers / "calm" / "manifest.json").read_bytes() == before


def test_an_unknown_trainer_is_told(trainers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--same-results", "clam"], trainers) == 2
    assert "did you mean `calm`" in capsys.readouterr().err
