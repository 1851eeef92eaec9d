"""What lies in a run's folders and is read again: manifests, records, figures, logs; altered and damaged."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from master.core.timestamps import Span
from master.errors import IntegrityError
from master.orchestrator.summary_file import expected_seconds
from master.runs.phase_logs import build_phase_log, with_results
from master.storage.base_model_store import BaseModelStore, make_manifest
from master.storage.earlier_log import read_phase_log
from master.storage.metrics_file import read_metrics
from master.storage.rebuilding import published
from master.storage.result_records import code_of, earlier_results
from master.storage.run_layout import RunLayout
from tests.fuzz.examples import tried
from tests.fuzz.from_types import altered, as_bytes
from tests.fuzz.mutations import mutated
from tests.support.scripted_run import ScriptedRun, jobs_spec
from trainers.common.claims import claim
from trainers.common.errors import BadInput
from worker_agent.protocol.digests import content_hash, digest_directory
from worker_agent.protocol.outcome import BaseModelLeft

SPEC, JOB = "5" * 64, "alpha/job0"
Use = Callable[[Path, bytes], None]


def _layout(folder: Path) -> RunLayout:
    layout = RunLayout(folder)
    for path in (layout.base_model(SPEC), layout.result(JOB)):
        path.mkdir(parents=True)
        (path / "a").write_text("one")
    return layout


def use_manifest(folder: Path, content: bytes) -> None:
    layout = _layout(folder)
    store = BaseModelStore(layout)
    (layout.base_model(SPEC) / "manifest.json").write_bytes(content)
    whole, damaged = store.scan([SPEC])
    assert (SPEC in whole) != (SPEC in damaged)
    list(store.manifests())


def use_record(folder: Path, content: bytes) -> None:
    layout = _layout(folder)
    (layout.result(JOB) / "job.json").write_bytes(content)
    for found in earlier_results(layout, [JOB]):
        assert isinstance(found.config, dict)
    list(published(layout, [JOB]))
    assert isinstance(code_of(layout.result(JOB)), str)


def use_metrics(folder: Path, content: bytes) -> None:
    (folder / "metrics.json").write_bytes(content)
    assert all(abs(value) < float("inf") for value in read_metrics(folder).values())


RUN = ScriptedRun(jobs_spec(1, 0), ["lab1"])
RUN.up("lab1", 1)
RUN.start("job0")
RUN.succeed("job0")


def use_phase_log(folder: Path, content: bytes) -> None:
    (folder / "log.json").write_bytes(content)
    previous = read_phase_log(folder / "log.json")
    for phase in (1, 2):
        log = build_phase_log(RUN.state, phase, {JOB: {"lr": 1}}, Span(0.0, 1.0), 1, previous)
        json.dumps(with_results(log, previous.get("gpus", []), {}))


def use_summary(folder: Path, content: bytes) -> None:
    (folder / "training_summary_1.json").write_bytes(content)
    assert all(isinstance(seconds, float | int) for seconds in expected_seconds(folder).values())


def use_claim(folder: Path, content: bytes) -> None:
    (folder / "settings.json").write_bytes(content)
    try:
        claim(folder / "settings.json", {"seed": 1}, {"seed": 1})
    except BadInput as error:
        assert str(folder) in str(error)


def _sound() -> dict[str, tuple[Any, Use]]:
    with tempfile.TemporaryDirectory() as name:
        Path(name, "a").write_text("one")
        files = digest_directory(name)
    made = BaseModelLeft(content_hash(files), files, "conv")
    record = {
        "job_id": JOB,
        "parameters": {"lr": 0.1},
        "attempt": 1,
        "epoch": 1,
        "run_id": "r",
        "worker": "lab1",
        "content_hash": made.content_hash,
        "code": {"digest": "files:0123456789"},
        "duration_seconds": 1.5,
        "slot": "cpu0",
    }
    log = build_phase_log(RUN.state, 2, {JOB: {"lr": 1}}, Span(0.0, 1.0), 1, {})
    return {
        "manifest": (make_manifest(SPEC, {"lr": 1}, made), use_manifest),
        "record": (record, use_record),
        "metrics": ({"loss": 0.5, "deep": {"auc": 1}, "curve": [1, 2]}, use_metrics),
        "phase log": (log, use_phase_log),
        "summary": ({"jobs": [{"id": "a", "state": "succeeded", "duration_seconds": 2.0}]}, use_summary),
        "settings": ({"seed": 1, "_fingerprint": {"seed": 1, "files": ["a"]}}, use_claim),
    }


SOUND = _sound()
DEEP = (b"[" * 100_000, b'{"a":' * 100_000, b"1" * 5000, b"\xff\xfe{}", b"\xef\xbb\xbf{}", b"null", b"")


def _within(use: Use, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            use(Path(folder), content)
        except IntegrityError as error:
            assert str(error)


@pytest.mark.parametrize("which", SOUND)
def test_what_was_written_is_read(which: str) -> None:
    value, use = SOUND[which]
    _within(use, json.dumps(value).encode())


@pytest.mark.parametrize("which", SOUND)
@pytest.mark.parametrize("content", DEEP, ids=lambda it: repr(it[:8]))
def test_no_json_at_all_is_taken_for_nothing_or_refused(which: str, content: bytes) -> None:
    _within(SOUND[which][1], content)


@pytest.mark.parametrize("which", SOUND)
def test_altered_values_are_taken_or_refused(which: str) -> None:
    value, use = SOUND[which]

    @tried(60)
    @given(altered(st.builds(lambda: json.loads(json.dumps(value)))))
    def check(body: Any) -> None:
        _within(use, as_bytes(body))

    check()


@pytest.mark.parametrize("which", SOUND)
def test_damaged_bytes_are_taken_or_refused(which: str) -> None:
    value, use = SOUND[which]

    @tried(40)
    @given(mutated(json.dumps(value).encode()))
    def check(content: bytes) -> None:
        _within(use, content)

    check()
