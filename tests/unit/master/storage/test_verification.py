"""All that a run has is hashed, and what is wrong is named."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from master.core.running.commands import Transition
from master.core.running.lifecycle import State, Trigger
from master.storage.base_model_store import BaseModelStore, make_manifest
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from master.storage.verification import Verified, verify
from tests.unit.master.storage.test_rebuilding import publish
from worker_agent.protocol.digests import content_hash, digest_directory
from worker_agent.protocol.outcome import BaseModelLeft

SPEC = "5" * 64


def full(root: Path) -> RunLayout:
    """Make a run with a journal, a base model and two results."""
    layout = RunLayout(root)
    with closing(Journal(layout.journal)) as journal:
        journal.append([Transition(1.0, "alpha/a", Trigger.ASSIGN, State.ASSIGNED, 1, "lab1")])
    staged = root / "staged"
    staged.mkdir()
    (staged / "best.pt").write_text("weights")
    files = digest_directory(staged)
    made = BaseModelLeft(content_hash(files), files)
    BaseModelStore(layout).add(staged, make_manifest(SPEC, {"lr": 1}, made))
    publish(layout, "alpha/a")
    publish(layout, "alpha/b")
    return layout


def test_a_run_that_is_whole_has_no_problems(tmp_path: Path) -> None:
    found = verify(full(tmp_path))
    assert found == Verified(1, 1, 2)
    assert found.told() == (
        "1 transitions in the journal; 1 base models and 2 results are what their digests say"
    )


def test_each_thing_that_is_wrong_is_named(tmp_path: Path) -> None:
    layout = full(tmp_path)
    (layout.base_model(SPEC) / "best.pt").write_text("Weights")
    (layout.result("alpha/b") / "metrics.json").write_text("{ }")
    layout.journal.write_bytes(b"x" * 100)
    layout.journal.with_name("journal.sqlite-wal").unlink(missing_ok=True)
    found = verify(layout)
    assert (found.transitions, found.base_models, found.results) == (0, 0, 1)
    journal, base_model, result = found.problems
    assert "cannot be used as a journal" in journal
    assert "best.pt not as in the manifest" in base_model
    assert result == f"{layout.result('alpha/b')}: not what its record says"


def test_what_a_script_named_as_we_do_is_no_result(tmp_path: Path) -> None:
    layout = full(tmp_path)
    for folder in (layout.result("alpha/b") / "sub", layout.base_model(SPEC) / "sub"):
        folder.mkdir()
        (folder / "job.json").write_text("{}")
    found = verify(layout)
    assert found.results == 1
    assert [str(layout.result("alpha/b")) in problem for problem in found.problems] == [False, True]


def test_an_empty_directory_has_nothing(tmp_path: Path) -> None:
    assert verify(RunLayout(tmp_path)) == Verified()
