"""What is under way is not begun again."""

from __future__ import annotations

from master.transfers.single_flight import SingleFlight


def test_what_is_under_way_is_done_once_and_again_only_if_it_gave_up() -> None:
    flight = SingleFlight()
    assert flight.begin("a") and flight.begin("b")
    assert not flight.begin("a")
    assert not flight.end("a", answered=False), "it was asked for meanwhile"
    assert flight.end("a", answered=False), "nobody asked since"
    assert flight.begin("a") and not flight.begin("a")
    assert flight.end("a", answered=True)
    assert flight.end("b", answered=False)
    assert flight.begin("a")
