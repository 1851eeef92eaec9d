"""Jobs of one process: each with its own files, log and end, whether they learn as one or alone."""

from __future__ import annotations

import contextlib
import io
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.unit.trainers.personalization.conftest import NAMES
from tests.unit.trainers.personalization.results import read
from trainers.personalization.thread_main import group_main, thread_main
from worker_agent.protocol import script_contract
from worker_agent.protocol.members import EXIT_CANCELLED

MODES = ("target_only", "target_only_fine_tuning", "full_fine_tuning")


class Job:
    """A member of a group, which is cancelled when it is asked for the `until`th time."""

    def __init__(self, folder: Path, base: Path, *flags: str, until: int = 1000) -> None:
        common = ["--participants", *NAMES, "--data_path", "data", "--window_size", "12", "--epochs", "4"]
        self.argv: Sequence[str] = [*common, "--lr", "0.01", "--device", "cpu", "--no_plots", *flags]
        self.directory = str(base.parent)
        self.output = io.StringIO()
        self.code: int | None = None
        self.folder, self._until = folder, until
        for part in ("output", "checkpoints"):
            (folder / part).mkdir(parents=True)
        self.environ = {
            script_contract.JOB_ID: folder.name,
            script_contract.ATTEMPT: "1",
            script_contract.PHASE: "1" if "base_only" in flags else "2",
            script_contract.BASE_MODEL_DIR: str(base),
            script_contract.OUTPUT_DIR: str(folder / "output"),
            script_contract.CHECKPOINT_DIR: str(folder / "checkpoints"),
            script_contract.PROGRESS_FILE: str(folder / "progress.jsonl"),
        }

    def cancelled(self) -> bool:
        self._until -= 1
        return self._until < 0

    def finish(self, code: int) -> None:
        assert self.code is None, "a job ends once"
        self.code = code

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted((self.folder / "output").iterdir())}


Make = Callable[..., Job]


@pytest.fixture
def make(data_path: Path, tmp_path: Path) -> Make:
    assert data_path.parent == tmp_path

    def job(name: str, fold: int, *flags: str, until: int = 1000) -> Job:
        base = tmp_path / f"base{fold}"
        return Job(tmp_path / name, base, "--fold", str(fold), *flags, until=until)

    return job


def test_jobs_that_learn_as_one_write_what_each_writes_alone(make: Make) -> None:
    bases = [make(f"base{fold}_job", fold, "--mode", "base_only") for fold in range(2)]
    group_main(bases)
    assert [job.code for job in bases] == [0, 0]
    for mode in MODES:
        ways = [("--mode", mode, "--lr", lr) for lr in ("0.01", "0.003")]
        flags = [(0, *ways[0]), (1, *ways[1]), (1, *ways[0])]
        together = [make(f"{mode}_{number}", *each) for number, each in enumerate(flags)]
        group_main(together)
        for number, (job, each) in enumerate(zip(together, flags, strict=True)):
            alone = make(f"{mode}_{number}_alone", *each)
            group_main([alone])
            assert (job.code, alone.code) == (0, 0)
            assert job.files() == alone.files()
            progress = [(one.folder / "progress.jsonl").read_bytes() for one in (job, alone)]
            assert progress[0] == progress[1]


def test_a_member_with_bad_input_ends_with_its_own_message_and_the_others_go_on(make: Make) -> None:
    bad = [
        make("a", 0, "--mode", "target_only", "--window_size", "99"),
        make("b", 0, "--mode", "other"),
        make("c", 0),
        make("d", 1, "--mode", "target_only", "--lr", "1e6", "--recipe", "original"),
    ]
    good = make("e", 1, "--mode", "target_only")
    group_main([*bad[:2], good, *bad[2:]])
    assert [job.code for job in bad[:3]] == [2, 2, 2] and good.code == 0
    assert "window_size is 99" in bad[0].output.getvalue()
    assert "invalid choice: 'other'" in bad[1].output.getvalue()
    assert "best_base_model.pt: no such file" in bad[2].output.getvalue()
    assert bad[3].code in (0, 1), "it may diverge, which is its own affair"
    assert "error" not in good.output.getvalue() and good.files()


def test_a_member_that_is_cancelled_leaves_and_what_others_write_stays_as_it_is(make: Make) -> None:
    jobs = [
        make(str(at), 1, "--mode", "target_only", "--seed", str(at), until=2 + 998 * (at % 2))
        for at in range(4)
    ]
    group_main(jobs)
    assert [job.code for job in jobs] == [EXIT_CANCELLED, 0, EXIT_CANCELLED, 0]
    assert jobs[0].files() == {} and "cancelled" in jobs[0].output.getvalue()
    alone = make("alone", 1, "--mode", "target_only", "--seed", "3")
    group_main([alone])
    assert alone.files() == jobs[3].files()


def test_a_group_goes_on_from_what_each_member_has_saved(make: Make) -> None:
    flags = ("--mode", "target_only", "--epochs", "6", "--checkpoint_every", "2")
    first = [make(f"job{at}", 1, *flags, "--seed", str(at), until=3) for at in range(2)]
    group_main(first)
    assert [job.code for job in first] == [EXIT_CANCELLED] * 2
    for job in first:
        job.code, job._until = None, 1000
    group_main(first)
    whole = [make(f"whole{at}", 1, *flags, "--seed", str(at)) for at in range(2)]
    group_main(whole)
    assert [job.files() for job in first] == [job.files() for job in whole]
    assert read(first[0].folder / "output" / "metrics.json")["best_target_val_loss"] > 0


def test_a_lone_job_of_a_process_ends_with_its_code(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make("job", 1, "--mode", "target_only")
    monkeypatch.chdir(job.directory)
    assert thread_main(job.argv, job.environ, job.output) == 0
    assert job.files() and job.code is None


def test_jobs_that_begin_at_once_leave_the_streams_as_they_were(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one to redirect must not give back the first one's log, which is closed by then."""
    both, usual = threading.Barrier(2), sys.stderr
    seen: list[object] = []

    def slow(argv: Sequence[str]) -> None:
        seen.append(sys.stderr)
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.2)
        raise SystemExit(2)

    monkeypatch.setattr("trainers.personalization.thread_main.parse", slow)
    jobs = [make(name, 0) for name in "ab"]
    threads = [threading.Thread(target=group_main, args=([job],)) for job in jobs]
    for each in (*map(threading.Thread.start, threads), *map(threading.Thread.join, threads)):
        assert each is None
    assert sys.stderr is usual and [job.code for job in jobs] == [2, 2]
    assert {id(stream) for stream in seen} == {id(job.output) for job in jobs}
