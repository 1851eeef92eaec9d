"""What agents say becomes events of the core, or nothing."""

from __future__ import annotations

import pytest

from master.adapters.inbox import to_event
from master.core.running import events as ev
from master.core.running.spread import peer_events as peer
from tests.unit.master.adapters.link_world import WELCOME
from worker_agent.protocol import messages as msg
from worker_agent.protocol.artefacts.fetching import Fetched, FetchFailed, Source
from worker_agent.protocol.artefacts.peering import Received, ServeFailed, Serving


def test_messages_that_are_not_for_the_core_are_no_events() -> None:
    assert to_event("lab1", msg.Pong(1), 1.0, 4) is None


def greeting_of(told: object) -> msg.Message:
    """Return what is heard of a greeting that says this of a machine."""
    facts = {"cores": told, "memory_bytes": told}
    return msg.decode(msg.encode(msg.Welcome(**{**WELCOME.__dict__, "facts": facts})))


@pytest.mark.parametrize("told", [8, 0])
def test_what_a_machine_has_is_known(told: int) -> None:
    event = to_event("w", greeting_of(told), 1.0, 4)  # type: ignore[arg-type]
    assert isinstance(event, ev.WorkerUp)
    assert (event.cores, event.memory_bytes) == (told, told)


@pytest.mark.parametrize("told", [-1, True, 2**63, 8.5, "8", None])
def test_what_a_machine_has_is_a_number_or_the_worker_is_not_understood(told: object) -> None:
    with pytest.raises(msg.MessageError, match=r"WorkerFacts\.(cores|memory_bytes) cannot be"):
        greeting_of(told)


def test_what_becomes_of_artefacts_that_are_to_be_fetched() -> None:
    fetched = to_event("w", Fetched("a" * 64, Source.DISK, 2.0), 1.0, 4)
    assert fetched == ev.Fetched(1.0, "w", "a" * 64, Source.DISK, 2.0)
    failed = to_event("w", FetchFailed("a" * 64, "no\nwhere"), 1.0, 4)
    assert isinstance(failed, ev.FetchFailed) and "\n" not in failed.problem


def test_what_workers_say_of_transfers_between_them() -> None:
    name, many = "a" * 64, [f"10.0.0.{number}" for number in range(9)]
    serving = to_event("w", Serving(name, 3, 4711, [*many[:1], "x" * 999, *many[1:]]), 1.0, 4)
    assert serving == peer.Serving(1.0, "w", name, 3, ("10.0.0.0", "x" * 64, *many[1:3]), 4711)
    failed = to_event("w", ServeFailed(name, 3, "no\nport"), 1.0, 4)
    assert isinstance(failed, peer.ServeFailed) and "\n" not in failed.problem
    assert to_event("w", Received(name, 3, 99, 1.5), 1.0, 4) == peer.Received(1.0, "w", name, 3, 99)
    lost = to_event("w", FetchFailed(name, "torn", 3), 1.0, 4)
    assert isinstance(lost, ev.FetchFailed) and lost.transfer == 3


@pytest.mark.parametrize(("addresses", "able"), [([], False), (["10.0.0.1"], True)])
def test_one_that_tells_addresses_can_be_a_peer(addresses: list[str], able: bool) -> None:
    told = msg.decode(msg.encode(msg.Welcome(**{**WELCOME.__dict__, "facts": {"peers": addresses}})))
    event = to_event("w", told, 1.0, 4)  # type: ignore[arg-type]
    assert isinstance(event, ev.WorkerUp) and event.is_peer is able


def test_a_disk_has_a_name_of_some_length() -> None:
    facts = {"disk": "d" * 1000}
    told = msg.decode(msg.encode(msg.Welcome(**{**WELCOME.__dict__, "facts": facts})))
    event = to_event("w", told, 1.0, 4)  # type: ignore[arg-type]
    assert isinstance(event, ev.WorkerUp) and event.disk == "d" * 64
