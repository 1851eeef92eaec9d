"""When results may be written, and what becomes of those that are there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trainers.common.errors import BadInput
from trainers.probes.errors import OutputConflictError
from trainers.probes.fitting.modules import new_module
from trainers.probes.results.outputs import ResultDirectory
from trainers.probes.results.probe_file import checkpoint
from trainers.probes.settings import Settings

SETTINGS = {"epochs": 3, "lrs": [0.1]}


def prepare(results: ResultDirectory, settings: dict[str, object], overwrite: bool = False) -> None:
    results.check(settings, overwrite)
    results.restore(settings)
    results.prepare(settings)


def save(results: ResultDirectory, action: str) -> None:
    module = new_module(Settings(), 4)
    metadata = {"action": action, "layer": "27"}
    results.save(action, checkpoint(Settings(), module.state_dict(), metadata), {"auc_roc": float("nan")})


def test_results_of_equal_settings_stay(tmp_path: Path) -> None:
    results = ResultDirectory(tmp_path / "out")
    prepare(results, SETTINGS)
    save(results, "plan")
    prepare(results, SETTINGS)
    assert results.finished(["plan", "say"]) == ["plan"]
    assert results.load_metrics("plan") == {"auc_roc": None}


def test_weights_without_metrics_are_not_finished(tmp_path: Path) -> None:
    results = ResultDirectory(tmp_path)
    prepare(results, SETTINGS)
    save(results, "plan")
    results.metrics("plan").unlink()
    assert results.finished(["plan"]) == []


def test_other_settings_are_refused_by_name_and_nothing_changes(tmp_path: Path) -> None:
    results = ResultDirectory(tmp_path)
    prepare(results, SETTINGS)
    save(results, "plan")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(OutputConflictError, match=r"epochs was 3, is 4; .*--overwrite"):
        results.check({**SETTINGS, "epochs": 4}, overwrite=False)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    prepare(results, {**SETTINGS, "epochs": 4}, overwrite=True)
    assert results.finished(["plan"]) == []
    assert json.loads((tmp_path / "probes_settings.json").read_text())["epochs"] == 4


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_results_of_unknown_settings_are_refused(tmp_path: Path, content: str | None) -> None:
    (tmp_path / "probe_plan.pth").touch()
    if content is not None:
        (tmp_path / "probes_settings.json").write_text(content)
    with pytest.raises(OutputConflictError, match="--overwrite"):
        ResultDirectory(tmp_path).check(SETTINGS, overwrite=False)


def test_overwriting_leaves_files_that_are_not_results(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "probe_old.pth").touch()
    prepare(ResultDirectory(tmp_path), SETTINGS, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "probes_settings.json"]


def test_the_next_attempt_at_a_job_goes_on_from_the_mirror(tmp_path: Path) -> None:
    first = ResultDirectory(tmp_path / "attempt1", tmp_path / "kept")
    prepare(first, SETTINGS)
    save(first, "plan")
    second = ResultDirectory(tmp_path / "attempt2", tmp_path / "kept")
    prepare(second, SETTINGS)
    assert second.finished(["plan"]) == ["plan"]


def test_an_output_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=r"cannot make the output directory: .*/file is not a directory"):
        ResultDirectory(tmp_path / "file" / "out").check(SETTINGS, overwrite=False)


def test_settings_without_results_are_in_nobodys_way(tmp_path: Path) -> None:
    results = ResultDirectory(tmp_path)
    prepare(results, SETTINGS)
    prepare(results, {**SETTINGS, "epochs": 4})
    assert json.loads((tmp_path / "probes_settings.json").read_text())["epochs"] == 4


def test_overwriting_keeps_results_of_equal_settings(tmp_path: Path) -> None:
    results = ResultDirectory(tmp_path)
    prepare(results, SETTINGS, overwrite=True)
    save(results, "plan")
    prepare(results, SETTINGS, overwrite=True)
    assert results.finished(["plan"]) == ["plan"]


def test_checking_changes_nothing(tmp_path: Path) -> None:
    results = ResultDirectory(tmp_path / "out", tmp_path / "kept")
    assert results.check(SETTINGS, overwrite=False)
    assert list(tmp_path.iterdir()) == []
    prepare(results, SETTINGS)
    save(results, "plan")
    assert not results.check({}, overwrite=True)
    assert results.finished(["plan"]) == ["plan"]


def test_what_a_killed_command_half_wrote_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".probe_plan.pth.a1b2c3d4").write_bytes(b"half")
    (tmp_path / ".hidden").touch()
    prepare(ResultDirectory(tmp_path), SETTINGS)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "probes_settings.json"]


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "probe_plan.pth").mkdir()
    with pytest.raises(BadInput, match=r"probe_plan.pth: cannot write"):
        ResultDirectory(tmp_path).write("probe_plan.pth", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["probe_plan.pth"]


def test_the_mirror_gives_nothing_of_other_settings(tmp_path: Path) -> None:
    first = ResultDirectory(tmp_path / "attempt1", tmp_path / "kept")
    prepare(first, SETTINGS)
    save(first, "plan")
    second = ResultDirectory(tmp_path / "attempt2", tmp_path / "kept")
    prepare(second, {**SETTINGS, "epochs": 4})
    assert second.finished(["plan"]) == []
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["probes_settings.json"]


def test_training_time_is_that_of_all_commands(tmp_path: Path) -> None:
    results = ResultDirectory(tmp_path)
    assert results.seconds() == 0
    prepare(results, SETTINGS)
    results.write_aggregate({"total_training_time_seconds": 2.5})
    prepare(results, SETTINGS)
    assert results.seconds() == 2.5
    prepare(results, {**SETTINGS, "epochs": 4}, overwrite=True)
    assert results.seconds() == 0


@pytest.mark.parametrize(
    "damaged", ["", "[]", '{"auc_roc": "high"}', '{"baseline": {"most": {"f1": true}}}', '{"f1": [1, "x"]}']
)
def test_a_probe_with_damaged_figures_is_trained_again(tmp_path: Path, damaged: str) -> None:
    results = ResultDirectory(tmp_path)
    prepare(results, SETTINGS)
    save(results, "plan")
    results.metrics("plan").write_text(damaged)
    assert results.finished(["plan"]) == []


@pytest.mark.parametrize("told", ["{", "[]", "{}", '{"total_training_time_seconds": [1]}'])
def test_a_time_that_is_none_is_refused(tmp_path: Path, told: str) -> None:
    results = ResultDirectory(tmp_path)
    assert results.seconds() == 0.0
    (tmp_path / "aggregate_metrics.json").write_text(told)
    with pytest.raises(BadInput, match=r"aggregate_metrics\.json: "):
        results.seconds()
