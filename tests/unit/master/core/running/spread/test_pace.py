"""Who holds up a chain."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from master.core.running.spread import pace
from master.core.running.spread.takers import Peers, Spread, Taker

MB = 1_000_000


def chain_of(*names: str) -> Spread:
    """`w0` has all of it; each takes it from the one before, and has told so at 0 s."""
    sources = ("w0", *names)
    takers = {
        name: Taker(name, 0.0, source, 1, is_taking=True, is_measured=True)
        for source, name in zip(sources, names, strict=False)
    }
    return Spread(takers)


def told(peers: Peers, spread: Spread, at: float, megabytes: Mapping[str, float]) -> pace.Verdict:
    for name, size in megabytes.items():
        pace.note(peers, spread, spread.takers[name], int(size * MB), at)
    return pace.judge(peers, spread, at)


def test_what_a_transfer_found_there_is_no_rate_of_its_own() -> None:
    peers, spread = Peers(), chain_of("w1")
    taker = spread.takers["w1"]
    taker.is_measured = False
    told(peers, spread, 0.3, {"w1": 900})
    assert (taker.bytes, taker.rate, peers.rates) == (900 * MB, 0.0, {})
    told(peers, spread, 1.3, {"w1": 920})
    assert taker.rate == peers.rates["w1"] == pytest.approx(20 * MB)


def test_who_has_lost_what_it_had_is_believed_so() -> None:
    peers, spread = Peers(), chain_of("w1")
    taker = spread.takers["w1"]
    taker.bytes, taker.is_measured = 900 * MB, False
    for second in range(1, 6):
        assert told(peers, spread, second, {"w1": 20 * second}) == pace.Verdict()
    assert taker.bytes == 100 * MB


def test_nothing_is_changed_while_all_goes_on() -> None:
    peers, spread = Peers(compared={"w1", "w2", "w3"}), chain_of("w1", "w2", "w3")
    for second in range(1, 20):
        verdict = told(
            peers, spread, second, {"w1": 25 * second, "w2": 25 * second - 8, "w3": 25 * second - 16}
        )
        assert verdict == pace.Verdict()


def test_who_is_slower_than_its_source_time_and_again_goes_to_the_end() -> None:
    peers, spread = Peers(compared={"w1", "w2", "w3"}), chain_of("w1", "w2", "w3")
    found = [
        told(peers, spread, second, {"w1": 25 * second, "w2": 6 * second, "w3": 6 * second - 4}).slow
        for second in range(1, 6)
    ]
    assert found[:2] == [[], []] and ["w2"] in found and ["w3"] not in found


def test_one_at_the_end_may_be_as_slow_as_it_likes() -> None:
    peers, spread = Peers(compared={"w1", "w2"}), chain_of("w1", "w2")
    for second in range(1, 9):
        assert told(peers, spread, second, {"w1": 25 * second, "w2": second}) == pace.Verdict()


def test_who_reports_that_nothing_comes_has_a_bad_source() -> None:
    peers, spread = Peers(compared={"w1", "w2"}), chain_of("w1", "w2")
    for second in (1, 2, 3, 4.5):
        verdict = told(peers, spread, second, {"w1": 25, "w2": 20})
    assert verdict.bad == [("w0", "w1", "nothing has come from it for 3 s")] and not verdict.slow


@pytest.mark.parametrize(
    ("gigabytes", "megabytes_a_second", "is_left"), [(4, 0.3, True), (0.1, 0.3, False), (4, 2, False)]
)
def test_a_source_that_sends_just_enough_to_be_heard_is_left_where_it_would_take_hours(
    gigabytes: float, megabytes_a_second: float, *, is_left: bool
) -> None:
    peers, spread = Peers(compared={"w1", "w2"}), chain_of("w1", "w2")
    spread.size = int(gigabytes * 1000) * MB
    for second in range(1, 5):
        come = megabytes_a_second * second
        assert told(peers, spread, second, {"w1": come, "w2": come}) == pace.Verdict()
    verdict = told(peers, spread, 5, {"w1": 5 * megabytes_a_second, "w2": 5 * megabytes_a_second})
    assert verdict.bad == ([("w0", "w1", "less than 1 MiB a second comes from it")] if is_left else [])


def test_who_has_all_of_it_may_take_its_time_to_hash_that() -> None:
    peers, spread = Peers(compared={"w1", "w2"}), chain_of("w1", "w2")
    spread.size = 25 * MB
    told(peers, spread, 1.0, {"w1": 25, "w2": 25})
    assert pace.judge(peers, spread, 60.0) == pace.Verdict()
    assert pace.judge(peers, spread, pace.HASH_S + 2.0) != pace.Verdict(), "not for ever"


def test_who_says_nothing_any_more_is_not_there() -> None:
    peers, spread = Peers(compared={"w1", "w2"}), chain_of("w1", "w2")
    told(peers, spread, 1.0, {"w1": 25, "w2": 20})
    verdict = told(peers, spread, 4.5, {"w2": 25})
    assert verdict.slow == ["w1"] and not verdict.bad


def test_a_source_that_does_not_serve_is_bad() -> None:
    spread = chain_of("w1")
    spread.takers["w1"].is_taking = False
    assert pace.judge(Peers(), spread, 99.0) == pace.Verdict(), "it has not been asked yet"
    spread.takers["w1"].asked_at = 0.0
    assert pace.judge(Peers(), spread, pace.ANSWER_S) == pace.Verdict()
    (bad,) = pace.judge(Peers(), spread, pace.ANSWER_S + 0.1).bad
    assert bad == ("w0", "", "it does not serve what it has")


@pytest.mark.parametrize(
    ("second_rate", "then"),
    [
        (25, pace.Verdict(moved=[("w2", "w1")])),
        (75, pace.Verdict(slow=["w1"])),
        (5, pace.Verdict(slow=["w2"])),
    ],
)
def test_the_first_two_share_a_source_once_to_see_which_is_slow(second_rate: int, then: pace.Verdict) -> None:
    peers, spread = Peers(), chain_of("w1", "w2", "w3")
    told(peers, spread, 1.0, {"w1": 25})
    verdict = told(peers, spread, 2.0, {"w1": 50, "w2": 50, "w3": 50})
    assert verdict.moved == [("w2", "w0")]
    second = spread.takers["w2"]
    second.leave_source()
    second.source, second.is_taking = "w0", True
    for after in range(1, 4):
        size = 50 + 25 * after
        found = told(peers, spread, 2.0 + after, {"w1": size, "w2": 50 + second_rate * after, "w3": size})
        if found != pace.Verdict():
            break
    assert found == then and peers.compared == {"w1", "w2"}


def test_who_was_compared_is_not_again() -> None:
    peers, spread = Peers(compared={"w1", "w2"}), chain_of("w1", "w2", "w3")
    told(peers, spread, 1.0, {"w1": 25, "w2": 25, "w3": 25})
    assert told(peers, spread, 2.0, {"w1": 50, "w2": 50, "w3": 50}) == pace.Verdict()


def test_two_that_share_a_source_are_put_one_after_the_other() -> None:
    peers, spread = Peers(compared={"w1", "w2", "w3"}), chain_of("w1", "w2", "w3")
    spread.takers["w2"].source = "w0"
    verdict = told(peers, spread, 1.0, {"w1": 25, "w2": 20, "w3": 20})
    assert verdict.moved == [("w1", "w3")] or verdict.moved == [("w2", "w1")]
