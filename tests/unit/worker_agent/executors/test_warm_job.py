"""How a job in a fork ends as a process of its own would."""

from __future__ import annotations

import sys
from types import TracebackType

import pytest

from worker_agent.executors import warm_job


@pytest.mark.parametrize(
    ("error", "code"),
    [
        *((SystemExit(), 0), (SystemExit(None), 0), (SystemExit(3), 3), (SystemExit(256 + 75), 75)),
        *((SystemExit(-1), 255), (SystemExit("what went wrong"), 1), (SystemExit(""), 1)),
        *((ValueError("x"), 1), (GeneratorExit(), 1), (KeyboardInterrupt(), None)),
    ],
    ids=repr,
)
def test_the_exit_code_is_the_interpreters(error: BaseException, code: int | None) -> None:
    assert warm_job._code_of(error) == code


def test_what_ended_well_leaves_with_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_job, "_exit_code", None)
    done: list[int] = []
    warm_job._guarded(lambda: done.append(1))()
    assert (done, warm_job._exit_code) == ([1], 0)


def test_a_traceback_begins_with_the_jobs_own_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, list[str]]] = []

    def hook(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
        names = []
        while trace is not None:
            names.append(trace.tb_frame.f_code.co_name)
            trace = trace.tb_next
        told.append((str(value), names))

    def inner() -> None:
        raise ValueError("no data")

    def outer() -> None:
        inner()

    monkeypatch.setattr(warm_job, "_exit_code", None)
    monkeypatch.setattr(sys, "excepthook", hook)
    with pytest.raises(ValueError, match="no data") as caught:
        warm_job._guarded(outer)()
    assert warm_job._exit_code == 1
    sys.excepthook(ValueError, caught.value, caught.value.__traceback__)
    assert told == [("no data", ["outer", "inner"])]


def test_a_job_that_still_runs_does_not_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_job, "_exit_code", None)
    modules = set(sys.modules)
    warm_job.leave()
    assert set(sys.modules) == modules


def test_objects_that_warn_whoever_asks_them_anything_are_left_alone() -> None:
    class Deprecated:
        def __getattribute__(self, name: str) -> object:
            raise FutureWarning(name)

    kept = Deprecated()
    assert warm_job._flushed()
    assert type(kept) is Deprecated
