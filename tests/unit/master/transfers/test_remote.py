"""A worker as transfers see it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from master.adapters.agent_client import WorkerLink
from master.errors import SessionLost
from master.transfers.remote import Remote
from tests.support.courier_world import WELCOME, Line
from tests.support.fake_session import FakeSession
from worker_agent.protocol import messages as msg
from worker_agent.protocol.artefacts.fetching import Fetch
from worker_agent.protocol.reports import WorkerFacts


def remote(line: Line) -> Remote:
    return Remote(cast(WorkerLink, line), "r1")


def test_paths_are_those_that_its_agent_tells() -> None:
    found = remote(Line(None, welcome=replace(WELCOME, work_dir="/scratch/u")))
    assert found.connected
    assert Path(found.attempt("a/b", 2).root).is_relative_to("/scratch/u/runs/r1")
    assert found.checkpoints("a/b", 2).is_relative_to("/scratch/u/runs/r1")


def test_without_a_link_nothing_is_known() -> None:
    lost = remote(Line(None, welcome=None))
    assert not lost.connected and lost.facts == {"worker": "lab1"}
    with pytest.raises(SessionLost, match="lab1 is not connected"):
        lost.attempt("a", 1)
    with pytest.raises(SessionLost, match="lab1 is not connected"):
        lost.pull(Path("/a"), Path("/nowhere"), ["x"], 1)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (WorkerFacts(python="3.12.1", torch="2.6.0"), {"python": "3.12.1", "torch": "2.6.0"}),
        (WorkerFacts(python="3.12.1"), {"python": "3.12.1"}),
        (WorkerFacts(python="3" * 41, torch=""), {}),
    ],
)
def test_a_result_is_told_short_facts_alone(facts: WorkerFacts, told: dict[str, str]) -> None:
    assert remote(Line(None, welcome=replace(WELCOME, facts=facts))).facts == {"worker": "lab1", **told}


def test_a_manifest_names_the_gpus_of_the_slot_and_their_driver() -> None:
    said = WorkerFacts(
        "h", cores=8, gpus={"gpu0": "H100", "gpu1": "H200", "gpu2": "H" * 81}, driver="610.43.01"
    )
    found = remote(Line(None, welcome=replace(WELCOME, facts=said)))
    assert found.machine == {"hostname": "h", "cores": 8, "memory_bytes": None, "driver": "610.43.01"}
    assert found.gpus_of("gpu1.m0-31") == ["H200"] and found.gpus_of("gpu0,gpu1.m0-31") == ["H100", "H200"]
    assert found.gpus_of("cpu0") == found.gpus_of(None) == found.gpus_of("gpu2") == []
    odd = WorkerFacts("h\x1b[2J", gpus={"gpu0": "a\nb"}, driver="6" * 41)
    found = remote(Line(None, welcome=replace(WELCOME, facts=odd)))
    assert found.gpus_of("gpu0") == [] and {*found.machine.values()} == {None}
    assert remote(Line(None, welcome=None)).gpus_of("gpu0") == []


def test_an_attempt_that_is_not_needed_may_go() -> None:
    line = Line(None)
    remote(line).release("a", 2)
    assert line.sent == [msg.Release("a", 2)]


@pytest.mark.parametrize(("disk", "asked"), [("", []), ("d", [Fetch("a" * 64)])])
def test_an_agent_that_tells_its_disk_is_asked_to_say_when_something_has_come(
    tmp_path: Path, disk: str, asked: list[msg.ToAgent]
) -> None:
    session = FakeSession("lab1", root=tmp_path / "remote")
    line = Line(session, welcome=replace(WELCOME, facts=WorkerFacts(disk=disk)))
    (tmp_path / "code").mkdir()
    remote(line).push(tmp_path / "code", "a" * 64)
    assert line.sent == [msg.Delivered("a" * 64), *asked]


def test_files_of_a_seat_come_though_its_agent_has_gone(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there/x").write_text("1")
    first, other = FakeSession("lab1", root=tmp_path), FakeSession("login", root=tmp_path)
    line = Line(first, another=other)
    seat = Remote(cast(WorkerLink, line), "r1", outlives_agent=True)
    first.drop_link()  # while something is pulled
    seat.pull(Path("/there"), tmp_path / "one", ["x"], 1)
    line.welcome, line.another = None, FakeSession("login", root=tmp_path)  # the agent has ended
    assert not seat.connected and seat.checkpoints("a/b", 2).is_relative_to("/work/runs/r1")
    seat.pull(Path("/there"), tmp_path / "two", ["x"], 1)
    assert (tmp_path / "one/x").read_text() == (tmp_path / "two/x").read_text() == "1"
    assert [call.verb for call in (*other.calls, *line.another.calls)] == ["pull", "close"] * 2


def test_files_of_a_worker_are_asked_for_over_its_link_alone(tmp_path: Path) -> None:
    line = Line(None, another=FakeSession(root=tmp_path), welcome=None)
    with pytest.raises(SessionLost, match="lab1 is not connected"):
        remote(line).pull(Path("/there"), tmp_path / "one", ["x"], 1)
    assert line.another and line.another.calls == []
