"""Transfers between workers, as the agent's loop sees them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.worker_agent.core.steps import H1, drained
from tests.unit.worker_agent.fakes import Workers
from worker_agent.core import commands as cmd
from worker_agent.core import taking
from worker_agent.core.state import AgentState
from worker_agent.peers.base import PeerError, Taken
from worker_agent.protocol.artefacts.fetching import Fetched, FetchFailed, Source
from worker_agent.protocol.artefacts.peering import (
    Chunks,
    Peering,
    Received,
    Serve,
    ServeFailed,
    Serving,
    Take,
)
from worker_agent.protocol.layout import WorkLayout
from worker_agent.runtime.effects.peers import PeerEffects

PEERING = Peering("authority", "certificate", "SECRET")
SERVE = Serve(H1, 7, ["lab1"], Chunks([], []), 30.0)
TAKE = Take(H1, 7, "lab0", ["192.0.2.7"], 40_000, Chunks([], []))


class FakeNetwork:
    """A network that notes what it is asked for, or has something against it."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.problem = ""

    def _note(self, *asked: Any) -> None:
        self.asked.append(asked)
        if self.problem:
            raise PeerError(self.problem)

    def meet(self, peering: Peering) -> None:
        self._note("meet", peering)

    def serve(self, item: Serve, places: list[Path]) -> tuple[int, list[str]]:
        self._note("serve", item, places)
        return 40_001, ["192.0.2.9"]

    def take(self, item: Take, incoming: Path) -> None:
        self._note("take", item, incoming)

    def leave(self, content_hash: str) -> None:
        self._note("leave", content_hash)

    def close(self) -> None:
        self._note("close")


class Place:
    """The effects of an agent, with what it tells its master."""

    def __init__(self, *, met: bool = True) -> None:
        self.state, self.network, self.told, self.kept = (
            AgentState(),
            FakeNetwork(),
            list[object](),
            list[str](),
        )
        self.layout = WorkLayout(Path("/work"))
        host: Any = SimpleNamespace(context=SimpleNamespace(layout=self.layout, run_id="r1"))
        self.status = "missing"
        artefacts: Any = SimpleNamespace(status=lambda name: self.status, keep=self.kept.extend)
        master: Any = SimpleNamespace(say=self.told.append)
        workers: Any = Workers()
        self.effects = PeerEffects(self.state, host, artefacts, workers, master, lambda: 9.0)
        self.effects.open_network = lambda tell: self.network  # type: ignore[assignment,return-value]
        if met:
            self.effects.meet(PEERING)
            self.network.asked.clear()

    def take(self) -> None:
        taking.on_take(self.state, TAKE, 5.0)
        (command,) = drained(self.state)
        self.effects.take(command)


def test_nothing_is_loaded_before_the_master_says_who_is_who() -> None:
    place = Place(met=False)
    place.effects.close()
    place.effects.let_go(cmd.LetGo(H1))
    place.effects.serve(SERVE)
    place.take()
    assert not place.network.asked
    (failed,) = place.told
    assert isinstance(failed, ServeFailed) and "`peers`" in failed.problem
    (sent,) = drained(place.state)
    assert isinstance(sent.message, FetchFailed) and sent.message.transfer == 7


def test_an_artefact_is_served_from_where_it_is_or_comes_and_is_kept() -> None:
    place = Place()
    place.effects.serve(SERVE)
    assert place.told == [Serving(H1, 7, 40_001, ["192.0.2.9"])] and place.kept == [H1]
    places = [place.layout.cached(H1), place.layout.incoming("r1", H1)]
    assert place.network.asked == [("serve", SERVE, places)]


def test_what_cannot_be_served_is_told() -> None:
    place = Place()
    place.network.problem = "no address"
    place.effects.serve(SERVE)
    assert place.told == [ServeFailed(H1, 7, "no address")] and not place.kept


def test_an_artefact_is_taken_to_where_it_is_checked() -> None:
    place = Place()
    place.take()
    assert place.network.asked == [("take", TAKE, place.layout.incoming("r1", H1))]
    place.effects.on_taken(Taken(H1, 7, None))
    assert drained(place.state) == [cmd.Verify(H1, delivered=True)]


def test_what_is_here_is_not_taken() -> None:
    place = Place()
    place.status = "present"
    place.take()
    assert not place.network.asked[1:]
    assert cmd.Send(Fetched(H1, Source.HERE, 4.0, 7)) in drained(place.state)


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_cannot_be_taken_is_told(when: str) -> None:
    place = Place()
    if when == "before":
        place.network.problem = "lab0 is nowhere"
    place.take()
    if when == "after":
        place.effects.on_taken(Taken(H1, 7, "lab0 is nowhere"))
    assert drained(place.state) == [cmd.Send(FetchFailed(H1, "lab0 is nowhere", 7))]


def test_the_master_hears_how_far_a_transfer_is_that_it_waits_for() -> None:
    place, report = Place(), Received(H1, 7, 1, 1.0)
    place.take()
    place.effects.on_received(report)
    place.effects.on_received(Received(H1, 6, 1, 1.0))
    assert place.told == [report] and ("leave", H1) not in place.network.asked
    place.state.transfers.clear()
    place.effects.on_received(report)
    assert place.told == [report] and place.network.asked[-1] == ("leave", H1)


def test_transfers_end_with_the_agent_and_where_they_are_let_go() -> None:
    place = Place()
    place.effects.let_go(cmd.LetGo(H1))
    place.effects.close()
    assert place.network.asked == [("leave", H1), ("close",)]


def test_certificates_that_cannot_be_read_are_noted_without_the_key(
    capfd: pytest.CaptureFixture[str],
) -> None:
    place = Place(met=False)
    place.network.problem = "certificates that cannot be read"
    place.effects.meet(PEERING)
    said = capfd.readouterr().err
    assert "other workers cannot be met: certificates" in said and "SECRET" not in said
