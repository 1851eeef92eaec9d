"""From whom each is to take it."""

from __future__ import annotations

from master.core.planning.plan import Plan
from master.core.running.policy import Policy
from master.core.running.records import RunState
from master.core.running.spread import chain
from master.core.running.spread.takers import Barred, Spread, Taker

NAME = "a" * 64


def state_of(sources: dict[str, str], holders: str = "w0") -> RunState:
    """`w0` … `w9` are up and peers; some hold the artefact, and some take it: taker → source."""
    state = RunState.fresh(Plan([], {}), Policy(), [f"w{number}" for number in range(10)])
    for view in state.workers.values():
        view.up = view.is_peer = True
        if view.name in holders.split():
            view.cached.add(NAME)
    takers = {name: Taker(name, 0.0, source=source) for name, source in sources.items()}
    state.peers.spreads[NAME] = Spread(takers)
    return state


def source(state: RunState, worker: str) -> str:
    return chain.source_for(state, NAME, state.peers.spreads[NAME].takers[worker], 0.0)


def test_the_fastest_come_first_and_who_is_not_known_with_the_usual_ones() -> None:
    state = state_of(dict.fromkeys(("w1", "w2", "w3", "w4", "w5"), ""))
    state.peers.rates = {"w1": 10.0, "w2": 90.0, "w4": 100.0}
    state.peers.slow["w4"] = 60.0
    line = [taker.worker for taker in chain.in_line(state, state.peers.spreads[NAME], 0.0)]
    assert line == ["w2", "w3", "w5", "w4", "w1"]


def test_an_end_comes_before_one_that_feeds_somebody_and_who_has_all_before_both() -> None:
    assert source(state_of({"w1": "w0", "w2": ""}), "w2") == "w1"
    assert source(state_of({"w1": "w0", "w2": ""}, holders="w0 w5"), "w2") == "w5"


def test_nobody_takes_it_from_himself_or_from_who_has_it_from_him() -> None:
    state = state_of({"w1": "", "w2": "w1", "w3": "w2"})
    assert source(state, "w1") == "w0"
    assert source(state_of({"w1": "", "w2": "w1"}, holders=""), "w1") == ""


def test_nobody_takes_it_from_who_has_it_from_nobody() -> None:
    state = state_of({"w1": "", "w2": "w1", "w4": ""}, holders="")
    assert source(state, "w4") == ""


def test_no_more_than_two_take_from_one() -> None:
    state = state_of({"w1": "w0", "w2": "w0", "w3": ""})
    for name in ("w1", "w2"):
        state.peers.barred[name] = Barred(60.0, "")
    assert source(state, "w3") == ""


def test_who_has_more_than_the_end_does_not_wait_for_it_for_long() -> None:
    state = state_of({"w1": "w0", "w2": ""})
    state.peers.spreads[NAME].takers["w2"].bytes = 1000
    assert source(state, "w2") == "w0"
    state.peers.rates["w2"] = 1000 / chain.CATCH_UP_S
    assert source(state, "w2") == "w1"


def test_who_is_slow_feeds_none_but_the_slow() -> None:
    state = state_of({"w1": "w0", "w2": ""})
    state.peers.slow["w1"] = 60.0
    assert source(state, "w2") == "w0"
    state.peers.slow["w2"] = 60.0
    assert source(state, "w2") == "w1"


def test_who_is_not_up_cannot_pass_it_on_or_was_refused_is_not_asked() -> None:
    for change in ("up", "is_peer", "usable"):
        state = state_of({"w2": ""})
        setattr(state.workers["w0"], change, False)
        assert source(state, "w2") == ""
    state = state_of({"w2": ""})
    state.peers.spreads[NAME].takers["w2"].refused.add("w0")
    assert source(state, "w2") == ""


def test_takers_are_told_after_their_sources_and_the_end_is_found() -> None:
    state = state_of({"w3": "w2", "w2": "w1", "w1": "w0", "w4": "", "w5": "w4"})
    spread = state.peers.spreads[NAME]
    names = [taker.worker for taker in chain.from_the_top(spread)]
    assert sorted(names) == ["w1", "w2", "w3", "w5"]
    assert names.index("w1") < names.index("w2") < names.index("w3")
    assert chain.chain_end(state.peers, spread, spread.takers["w1"], 0.0).worker == "w3"
    state.peers.slow["w3"] = 60.0
    assert chain.chain_end(state.peers, spread, spread.takers["w1"], 0.0).worker == "w2"
