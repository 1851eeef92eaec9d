"""Where workers may be reached, and which places are not asked."""

from __future__ import annotations

import pytest

from worker_agent.peers import addresses
from worker_agent.peers.addresses import is_elsewhere, may_be_asked, own_addresses
from worker_agent.protocol.artefacts.peering import MOST_ADDRESSES


@pytest.fixture
def way_out(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found = ["198.51.100.4"]
    monkeypatch.setattr(addresses, "_of_the_way_out", lambda: iter(found))
    return found


def told(session: str) -> list[str]:
    return own_addresses({"SSH_CONNECTION": session})


@pytest.mark.usefixtures("way_out")
def test_the_address_at_which_the_master_has_come_is_first() -> None:
    assert told("192.0.2.1 50000 192.0.2.7 22") == ["192.0.2.7", "198.51.100.4"]
    assert told("2001:db8::1 50000 2001:db8::7 22") == ["2001:db8::7", "198.51.100.4"]
    assert told("198.51.100.1 50000 198.51.100.4 22") == ["198.51.100.4"]


@pytest.mark.usefixtures("way_out")
@pytest.mark.parametrize("session", ["", "x", "192.0.2.1 1 127.0.0.1 22", "a b c d", "192.0.2.1 50000 22"])
def test_what_is_no_address_of_others_is_left_out(session: str) -> None:
    assert told(session) == ["198.51.100.4"]


def test_not_many_are_told(way_out: list[str]) -> None:
    way_out.extend(f"198.51.100.{number}" for number in range(20, 40))
    assert len(told("")) == MOST_ADDRESSES


def test_without_tls_none_is_told(monkeypatch: pytest.MonkeyPatch, way_out: list[str]) -> None:
    monkeypatch.setattr(addresses, "find_spec", lambda name: None)
    assert told("") == [] and way_out


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "::1", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "169.254.169.254", "fe80::1"),
        *(
            "lab1",
            "",
            "192.0.2.7:22",
            "192.0.2",
            "::ffff:127.0.0.1",
            "0x7f000001",
            "192.0.2.7\n",
            "fe80::1%eth0",
        ),
    ],
)
def test_names_and_places_on_this_machine_are_not_asked(address: str) -> None:
    assert not is_elsewhere(address) and not may_be_asked(address, 40_000)


@pytest.mark.parametrize("port", [-1, 0, 22, 1023, 65_536])
def test_ports_of_the_system_are_not_asked(port: int) -> None:
    assert not may_be_asked("192.0.2.7", port)


def test_others_are_asked() -> None:
    assert may_be_asked("192.0.2.7", 1024) and may_be_asked("2001:db8::7", 65_535)
