"""Jobs of one process: each with its own files, log and end, whether they learn as one or alone."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.trainers.tabular.tables import written
from trainers.common.prepared_cache import FOLDER
from trainers.tabular import thread_main as resident
from trainers.tabular.data import kept
from trainers.tabular.data.reading.files import Files
from trainers.tabular.results.saved import load_model
from trainers.tabular.thread_main import group_main, thread_main
from worker_agent.protocol import script_contract
from worker_agent.protocol.members import EXIT_CANCELLED

COMMON = [
    *("--data", "rows.csv", "--targets", "y", "--exclude", "z", "--group", "person", "--models", "mlp"),
    *("--sizes", "mlp.hidden=8", "mlp.embedding=4", "--epochs", "4", "--batch-size", "24"),
    *("--device", "cpu", "--num-workers", "1", "--no-plots", "--prepared-cache", "off"),
    *("--precision", "float64"),
]
PASSING = ("seconds", "peak_bytes")
"""What is measured, and so never the same twice."""


class Job:
    """A member of a group, which is cancelled when it is asked for the `until`th time."""

    def __init__(
        self, root: Path, name: str, *flags: str, base: Path | None = None, until: int = 1000
    ) -> None:
        self.argv: Sequence[str] = [*COMMON, *flags]
        self.directory, self.output = str(root), io.StringIO()
        self.code: int | None = None
        self.folder, self._until = root / name, until
        for part in ("output", "checkpoints"):
            (self.folder / part).mkdir(parents=True)
        is_base = "base_only" in flags
        self.environ = {
            script_contract.JOB_ID: name,
            script_contract.ATTEMPT: "1",
            script_contract.PHASE: "1" if is_base else "2",
            **({} if base is None else {script_contract.BASE_MODEL_DIR: str(base)}),
            script_contract.OUTPUT_DIR: str(self.folder / "output"),
            script_contract.CHECKPOINT_DIR: str(self.folder / "checkpoints"),
            script_contract.PROGRESS_FILE: str(self.folder / "progress.jsonl"),
        }
        self.results = base if base is not None and is_base else self.folder / "output"

    def cancelled(self) -> bool:
        self._until -= 1
        return self._until < 0

    def finish(self, code: int) -> None:
        assert self.code is None, "a job ends once"
        self.code = code

    def figures(self) -> Any:
        """Return what was written as JSON, but for what is measured."""
        names = ("settings.json", "metrics.json", "mlp/training.json", "mlp/model.json")
        return [_without(json.loads((self.results / name).read_text())) for name in names]

    def names(self) -> list[str]:
        return sorted(str(path.relative_to(self.results)) for path in self.results.rglob("*"))

    def epochs(self) -> list[int]:
        return [
            json.loads(line)["epoch"] for line in (self.folder / "progress.jsonl").read_text().splitlines()
        ]


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(item) for key, item in value.items() if key not in PASSING}
    return [_without(item) for item in value] if isinstance(value, list) else value


def assert_equal(one: Job, other: Job) -> None:
    """Two jobs came to the same in float64: files, figures, stop epochs, weights, progress."""
    assert (one.code, other.code) == (0, 0), one.output.getvalue() + other.output.getvalue()
    assert one.names() == other.names() and one.epochs() == other.epochs()
    _assert_close(one.figures(), other.figures())
    saved, expected = (load_model(job.results / "mlp") for job in (one, other))
    for first, second in zip(saved.members, expected.members, strict=True):
        for name, value in first.state.items():
            torch.testing.assert_close(value, second.state[name], rtol=1e-10, atol=1e-10)


def _assert_close(one: Any, other: Any) -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            _assert_close(one[key], other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            _assert_close(*pair)
    else:
        assert one == (pytest.approx(other, rel=1e-9, abs=1e-10) if isinstance(one, float) else other)


Make = Callable[..., Job]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    written(tmp_path / "rows.csv")
    return lambda name, *flags, **others: Job(tmp_path, name, *flags, **others)


def test_base_models_and_fine_tunes_that_learn_as_one_are_what_they_are_alone(
    make: Make, tmp_path: Path
) -> None:
    people = ("3", "7")
    bases: dict[str, list[Job]] = {}
    for way in ("group", "alone"):
        bases[way] = [
            make(f"base{who}_{way}", "--mode", "base_only", "--target-group", who, base=tmp_path / way / who)
            for who in people
        ]
    group_main(bases["group"])
    for job, alone in zip(bases["group"], bases["alone"], strict=True):
        group_main([alone])
        assert_equal(job, alone)
    # Batches of what one person has, by a rate of its own.
    common = ("--split", "random", "--batch-size", "4")
    ways = [(who, rate) for who in people for rate in ("0.01", "0.0001")]
    jobs = {
        way: [
            make(
                f"{who}_{rate}_{way}",
                *(*common, "--target-group", who, "--tune-learning-rate", rate),
                base=tmp_path / "group" / who,
            )
            for who, rate in ways
        ]
        for way in ("group", "alone")
    }
    group_main(jobs["group"])
    for job, alone in zip(jobs["group"], jobs["alone"], strict=True):
        group_main([alone])
        assert_equal(job, alone)
    assert "mlp: 4 members of 4 jobs stacked (4)" in jobs["group"][0].output.getvalue()
    assert "mlp: one member" in jobs["alone"][0].output.getvalue()


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_group_of_seeds_folds_and_rates_is_what_its_jobs_are_alone(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("group")
    written(root / "rows.csv")
    patience = data.draw(st.sampled_from(["1", "2", "9"]))
    jobs, alone = [], []
    for number in range(data.draw(st.integers(2, 4))):
        flags = (
            *("--folds", "3", "--fold", str(data.draw(st.integers(0, 2))), "--patience", patience),
            *("--seeds", str(data.draw(st.integers(0, 9))), "--early-stopping"),
            *("--lr", str(data.draw(st.sampled_from([0.001, 0.01, 0.1])))),
            *("--weight-decay", str(data.draw(st.sampled_from([0.0, 0.1])))),
            *("--clip-norm", str(data.draw(st.sampled_from([0.0, 0.1])))),
        )
        jobs.append(Job(root, f"job{number}", *flags))
        alone.append(Job(root, f"alone{number}", *flags))
    group_main(jobs)
    for job, other in zip(jobs, alone, strict=True):
        group_main([other])
        assert_equal(job, other)


def test_a_table_is_read_once_for_all(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Files] = []
    real = Files.read

    def read(self: Files, wanted: Sequence[str]) -> Any:
        reads.append(self)
        return real(self, wanted)

    monkeypatch.setattr(Files, "read", read)
    monkeypatch.setattr(resident, "_tables", type(resident._tables)(last=1))
    jobs = [make(f"job{seed}", "--seed", str(seed), "--models", "trees") for seed in range(3)]
    group_main(jobs)
    assert [job.code for job in jobs] == [0, 0, 0] and len(reads) == 1


def test_columns_are_kept_where_the_environment_of_the_job_says(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "LEAST_BYTES", 1)
    monkeypatch.setenv(FOLDER, str(tmp_path / "of the process"))
    jobs = [make("a", "--model", "trees"), make("b", "--data", "other.csv", "--model", "trees")]
    written(tmp_path / "other.csv")
    for job, folder in zip(jobs, ("of a", str(tmp_path / "of b")), strict=True):
        job.argv = [word for word in job.argv if word not in ("--prepared-cache", "off")]
        job.environ[FOLDER] = folder
    group_main(jobs)
    assert [job.code for job in jobs] == [0, 0]
    assert [len([*(tmp_path / f"of {name}").glob("*/entry.json")]) for name in "ab"] == [1, 1]
    assert not (tmp_path / "of the process").exists()


def test_a_member_with_bad_input_ends_with_its_own_message_and_the_others_go_on(make: Make) -> None:
    bad = [
        make("a", "--targets", "Y"),
        make("b", "--schedule", "other"),
        make("c", "--batch-size", "500"),
        make("d", "--data", "nowhere.csv"),
        make("e", "--learning-rate", "1e200", "--clip-norm", "0"),
    ]
    good = make("good")
    group_main([*bad[:2], good, *bad[2:]])
    assert [job.code for job in bad] == [2, 2, 2, 2, 1] and good.code == 0
    assert "no column 'Y': did you mean 'y'" in bad[0].output.getvalue()
    assert "invalid choice: 'other'" in bad[1].output.getvalue()
    assert "--batch-size 500: there are only" in bad[2].output.getvalue()
    assert "--data nowhere.csv: no such file" in bad[3].output.getvalue()
    assert "the loss is no number from the first epoch on" in bad[4].output.getvalue()
    assert good.names() and not any(job.names() for job in bad[:4])


def test_a_member_that_is_cancelled_leaves_and_what_others_write_stays_as_it_is(make: Make) -> None:
    jobs = [make(str(at), "--seed", str(at), until=3 + 997 * (at % 2)) for at in range(4)]
    group_main(jobs)
    assert [job.code for job in jobs] == [EXIT_CANCELLED, 0, EXIT_CANCELLED, 0]
    assert "metrics.json" not in jobs[0].names() and "cancelled" in jobs[0].output.getvalue()
    alone = make("alone", "--seed", "3")
    group_main([alone])
    assert_equal(jobs[3], alone)


def test_a_lone_job_of_a_process_ends_with_its_code(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make("job")
    monkeypatch.chdir(job.directory)
    assert thread_main(job.argv, job.environ, job.output) == 0
    assert "metrics.json" in job.names() and job.code is None
    printed = make("printed", "--print-config")
    assert thread_main(printed.argv, printed.environ, printed.output) == 0
    assert json.loads(printed.output.getvalue())["epochs"] == 4 and not printed.names()
