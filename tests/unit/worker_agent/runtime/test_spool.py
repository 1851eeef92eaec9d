"""The spool remembers what was written whole, whatever the crash left behind it."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker_agent.protocol.codec import dump, parse
from worker_agent.protocol.events import Event, EventKind, Running, Ticks
from worker_agent.protocol.messages import Ack, Launch, Release, Settings, decode
from worker_agent.protocol.outcome import Finished, Outcome
from worker_agent.runtime import spool as spool_module
from worker_agent.runtime.spool import Body, Memory, Met, Spool, fold

Record = tuple[str, dict[str, Any]]


@dataclass
class Complaints:
    said: list[str] = field(default_factory=list)

    def __call__(self, text: str) -> None:
        self.said.append(text)


def launch(job_id: str) -> Record:
    return "launch", {"job_id": job_id, "attempt": 1, "phase": 2, "argv": ["x"]}


def event(seq: int, kind: str, job_id: str, note: str = "") -> Record:
    running = {"slot": note, "pid": 7, "ticks": [5, 6]}
    return "event", {
        "seq": seq,
        "kind": kind,
        "job_id": job_id,
        "attempt": 1,
        "at": float(seq),
        "detail": running if kind == "running" else {"outcome": "failed", "stderr_tail": note},
    }


def typed(record: Record) -> Body:
    """Return a record as the agent has it."""
    classes: dict[str, type[Body]] = {"met": Met, "launch": Launch, "event": Event}
    return parse(classes[record[0]], record[1])


def met(epoch: int) -> Record:
    return "met", {"epoch": epoch, "boot_id": "b", "settings": {"cpu_slots": 2}, "work_dir": "/w"}


@st.composite
def histories(draw: st.DrawFn) -> list[Record]:
    """Records as an agent writes them."""
    records: list[Record] = [met(1)]
    seq = 0
    for number in range(draw(st.integers(0, 8))):
        job_id = f"j{number}-\u00e9"
        records.append(launch(job_id))
        for kind in ("running", "finished")[: draw(st.integers(0, 2))]:
            seq += 1
            records.append(event(seq, kind, job_id, draw(st.text(max_size=20))))
            if draw(st.booleans()):
                stop = {"job_id": job_id, "attempt": 1, "verdict": "cancelled"}
                records.append(("stopping", stop))
        if draw(st.booleans()):
            records.append(("ack", {"seq": draw(st.integers(0, seq))}))
        if records[-1][1].get("kind") == "finished" and draw(st.booleans()):
            records.append(("release", {"job_id": job_id, "attempt": 1}))
    return records


def memory_of(records: list[Record]) -> Memory:
    memory = Memory()
    for kind, body in records:
        memory.apply({"kind": kind, "body": body})
    return memory


def lines_of(records: list[Record]) -> list[bytes]:
    return [json.dumps({"kind": kind, "body": body}).encode() + b"\n" for kind, body in records]


@given(histories(), st.data())
def test_a_cut_file_gives_the_memory_of_its_whole_lines(records: list[Record], data: st.DataObject) -> None:
    lines = lines_of(records)
    whole = b"".join(lines)
    cut = data.draw(st.integers(0, len(whole)))
    complaints = Complaints()
    kept = whole[:cut].count(b"\n")
    assert fold(whole[:cut], complaints) == memory_of(records[:kept])
    assert not complaints.said


@given(histories())
def test_rewriting_keeps_the_memory(records: list[Record]) -> None:
    memory = memory_of(records)
    again = Memory()
    for record in memory.records():
        again.apply(json.loads(dump(record)))
    assert again == memory
    assert list(again.events) == sorted(again.events)


@given(histories(), st.binary(max_size=30).filter(lambda junk: b"\n" not in junk))
def test_a_damaged_line_costs_only_itself(records: list[Record], junk: bytes) -> None:
    complaints = Complaints()
    data = b"{" + junk + b"\n" + b"".join(lines_of(records))
    assert fold(data, complaints) == memory_of(records)
    assert len(complaints.said) == 1 and "line 1 " in complaints.said[0]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    complaints = Complaints()
    first = Spool(tmp_path / "spool.jsonl", complaints)
    for record in (met(1), launch("a"), event(1, "running", "a")):
        first.put(typed(record))
    assert first.write()
    with (tmp_path / "spool.jsonl").open("ab") as stream:
        stream.write(b'{"kind":"event","bo')
    second = Spool(tmp_path / "spool.jsonl", complaints)
    assert second.memory == first.memory
    second.put(typed(event(2, "finished", "a")))
    second.close()
    first.close()
    third = Spool(tmp_path / "spool.jsonl", complaints)
    assert third.memory.finished == {("a", 1)} and not complaints.said
    third.close()


def test_an_event_is_written_as_it_is_said(tmp_path: Path) -> None:
    """Written once for both, whatever is in it."""
    complaints = Complaints()
    spool = Spool(tmp_path / "spool.jsonl", complaints)
    spool.put(typed(met(1)))
    for job_id in "ab":
        spool.put(typed(launch(job_id)))
    detail = Finished(Outcome.FAILED, stderr_tail='half \udc80, "quoted"\n', duration_s=1e-9)
    events = [
        Event(1, EventKind.RUNNING, "a", 1, 1.5, Running("cpu0", 7, Ticks(5, 6))),
        Event(2, EventKind.FINISHED, "b", 1, 2.5, detail),
    ]
    for event in events:
        spool.put(event)
    assert [decode(line[:-1]) for line in spool.lines.values()] == events
    assert spool.write()
    assert fold((tmp_path / "spool.jsonl").read_bytes(), complaints) == spool.memory
    again = Spool(tmp_path / "spool.jsonl", complaints)
    assert again.lines == spool.lines and not complaints.said
    again.put(Ack(1))
    assert list(again.lines) == [2]
    again.close()
    spool.close()


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    complaints = Complaints()
    spool = Spool(tmp_path / "spool.jsonl", complaints)
    spool.put(typed(met(1)))
    assert spool.write()
    whole, real = (tmp_path / "spool.jsonl").read_bytes(), os.pwrite

    def half_then_full(descriptor: int, data: bytes, offset: int) -> int:
        if offset > len(whole):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, bytes(data)[:10], offset)

    monkeypatch.setattr(os, "pwrite", half_then_full)
    spool.put(typed(launch("a")))
    assert not spool.write() and not spool.write()
    assert spool.failure and "No space left on device" in spool.failure
    assert (tmp_path / "spool.jsonl").read_bytes() == whole
    monkeypatch.undo()
    assert spool.write() and spool.failure is None
    assert len(complaints.said) == 1
    assert fold((tmp_path / "spool.jsonl").read_bytes(), complaints) == spool.memory
    spool.close()


def test_the_file_is_rewritten_when_most_of_it_is_done_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "_REWRITE_BYTES", 10_000)
    complaints = Complaints()
    spool = Spool(tmp_path / "spool.jsonl", complaints)
    spool.put(typed(met(3)))
    for seq in range(1, 1001):
        key = (f"j{seq % 10}", seq)
        spool.put(Launch(*key, 2, ["x"]))
        spool.put(Event(seq, EventKind.FINISHED, *key, 0.0, Finished(Outcome.FAILED)))
        spool.put(Ack(seq))
        spool.put(Release(*key))
        spool.write()
    assert (tmp_path / "spool.jsonl").stat().st_size < 30_000
    spool.put(typed(launch("last")))
    spool.close()
    again = Spool(tmp_path / "spool.jsonl", complaints)
    assert again.memory == spool.memory and again.memory.seq == 1000 and again.memory.epoch == 3
    assert list(again.memory.launches) == [("last", 1)]
    assert not complaints.said
    again.close()


def test_how_an_attempt_ended_is_known_until_it_is_released() -> None:
    ended = Event(2, EventKind.FINISHED, "a", 1, 0.0, Finished(Outcome.SUCCEEDED))
    memory = Memory()
    for body in (typed(met(3)), Launch("a", 1, 2, ["x"]), ended):
        memory.take(body)
    assert memory.acknowledged() == []
    memory.take(Ack(2))
    again = Memory()
    for record in memory.records():
        again.apply(json.loads(dump(record)))
    assert memory.acknowledged() == again.acknowledged() == [ended]
    again.take(Release("a", 1))
    assert again.acknowledged() == []


CASES = Path(__file__).with_name("cases")


@pytest.mark.parametrize("name", ["spool.jsonl", "spool_rewritten.jsonl"])
def test_a_spool_of_the_first_version_is_read(name: str) -> None:
    """What an agent of 0.1 wrote, as it went and rewritten."""
    complaints = Complaints()
    memory = fold((CASES / name).read_bytes(), complaints)
    assert not complaints.said
    assert (memory.epoch, memory.boot_id, memory.work_dir) == (1, "b00t", "/work")
    assert memory.settings == Settings(cpu_slots=8, env={"A": "b"})
    assert list(memory.released.items()) == [("alpha/good", 1)]
    assert (memory.seq, memory.acked, min(memory.events)) == (25, 3, 4)
    assert [event.detail for event in memory.running.values()] == [Running("cpu1", 4711, Ticks(12345, 12347))]
    mount = memory.launches["alpha/bad", 1].mounts[1]
    assert (mount.at, mount.path, mount.artefact) == ("data", "/data", None)
    ends = [event.detail for event in memory.events.values() if isinstance(event.detail, Finished)]
    later = {Outcome.WORKER_FAULT, Outcome.OVER_LIMIT, Outcome.EVICTED}
    assert {end.outcome for end in ends} == set(Outcome) - later
    checkpoint = next(end.checkpoint for end in ends if end.can_go_on)
    assert checkpoint and [file.path for file in checkpoint.files] == ["state.pt"]


@pytest.mark.parametrize("name", ["spool.jsonl", "spool_rewritten.jsonl"])
def test_the_form_of_a_spool_stays(name: str) -> None:
    """What was read is written as it was: a version that reads the one file reads the other."""
    for line in (CASES / name).read_text().splitlines():
        before = json.loads(line)
        memory = Memory()
        memory.apply({"kind": "met", "body": met(1)[1]})
        memory.apply(before)
        written = [json.loads(dump(record)) for record in memory.records()]
        assert before["kind"] in ("met", "ack", "done", "release") or _plain(before) in map(_plain, written)


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record without what says nothing."""
    return {"kind": record["kind"], "body": _said(record["body"])}


def _said(value: Any) -> Any:
    if isinstance(value, dict):
        said = {key: item for key, item in value.items() if item is not False}
        return {key: _said(item) for key, item in said.items() if item not in (None, [], {})}
    return [_said(item) for item in value] if isinstance(value, list) else value


def test_an_end_tells_of_its_start_too(tmp_path: Path) -> None:
    path, complaints = tmp_path / "spool", Complaints()
    spool = Spool(path, complaints)
    for record in (met(1), launch("a"), launch("b"), event(1, "running", "a"), event(2, "running", "b")):
        spool.put(typed(record))
    assert spool.write() and list(spool.lines) == [1, 2]
    spool.put(typed(event(3, "finished", "a")))
    assert list(spool.lines) == list(spool.memory.events) == [2, 3]
    assert spool.write()
    assert list(Spool(path, complaints).lines) == [2, 3] and not complaints.said
    assert fold(path.read_bytes(), complaints) == spool.memory
    spool.close()
