"""What is known of peers."""

from __future__ import annotations

from master.core.running.spread.takers import Barred, Peers, Spread, Taker

NAME = "a" * 64


def test_a_taker_that_leaves_its_source_keeps_what_it_has() -> None:
    taker = Taker("w2", 0.0, source="w1", transfer=7, is_taking=True, bytes=99, rate=5.0)
    taker.leave_source()
    assert (taker.source, taker.transfer, taker.is_taking, taker.rate) == ("", 0, False, 0.0)
    assert taker.bytes == 99


def test_takers_are_found_and_forgotten_with_their_artefact() -> None:
    taker = Taker("w2", 0.0, source="w1", transfer=7)
    peers = Peers(spreads={NAME: Spread({"w2": taker})})
    assert peers.by_transfer(NAME, 7) is peers.taking(NAME, "w2") is taker
    assert peers.by_transfer(NAME, 0) is peers.by_transfer("b" * 64, 7) is peers.taking(NAME, "w1") is None
    assert peers.fed() == {"w1": 1}
    assert peers.drop(NAME, "w2") is taker and not peers.spreads and peers.drop(NAME, "w2") is None


def test_who_is_barred_or_slow_is_last_for_a_while() -> None:
    peers = Peers(barred={"w1": Barred(60.0, "w2")}, slow={"w3": 60.0})
    assert [peers.is_last(name, 59.0) for name in ("w1", "w2", "w3")] == [True, False, True]
    assert not any(peers.is_last(name, 60.0) for name in ("w1", "w3"))
