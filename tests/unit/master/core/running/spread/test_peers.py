"""Workers take a base model from each other, and are sent it where that does not work."""

from __future__ import annotations

import pytest

from master.core.running import events as ev
from master.core.running.orders.of_workers import RemoveWorkers
from master.core.running.policy import Policy
from master.core.running.spread import peer_events as peer
from tests.unit.master.core.running.stage import LEASE_S, Stage, base, job
from worker_agent.protocol.artefacts.fetching import Source

NAME = "a" * 64


def staged(*able: bool, holders: int = 1, disks: bool = False, on: bool = True) -> Stage:
    """`w1`, `w2` … are up; the first ones hold the base model `x`, and those that are `able` are peers."""
    names = [f"w{number}" for number in range(1, len(able) + 1)]
    policy = Policy(lease_s=LEASE_S, peers=on)
    run = Stage(job("later", "y"), workers=names, in_store={"x": NAME}, policy=policy)
    for number, name in enumerate(names):
        cached = (NAME,) if number < holders else ()
        run.up(name, cached=cached, disk="d" if disks else name, is_peer=able[number])
    return run


def wanted(run: Stage, *workers: str) -> list[str]:
    return [line for worker in workers for line in run.tell(ev.ArtefactWanted(run.at, worker, NAME))]


def serving(run: Stage, worker: str, transfer: int) -> list[str]:
    return run.tell(peer.Serving(run.at, worker, NAME, transfer, ("10.0.0.7",), 4711))


def failed(run: Stage, worker: str, transfer: int, why: str = "refused") -> list[str]:
    return run.tell(ev.FetchFailed(run.at, worker, NAME, why, transfer))


def fetched(run: Stage, worker: str, source: Source = Source.PEER) -> list[str]:
    return run.tell(ev.Fetched(run.at, worker, NAME, source, 3.25))


def received(run: Stage, worker: str, transfer: int, size: int) -> list[str]:
    return run.tell(peer.Received(run.at, worker, NAME, transfer, size))


def test_a_chain_is_formed_at_the_next_tick_and_each_is_told_where_to_take_it() -> None:
    run = staged(True, True, True)
    assert wanted(run, "w2", "w3", "w2") == []
    assert run.wait(0.25) == ["serve #1 w1 to w2", "serve #2 w2 to w3"]
    assert serving(run, "w1", 1) == ["take #1 w2 from w1 at 10.0.0.7:4711"]
    assert serving(run, "w2", 2) == ["take #2 w3 from w2 at 10.0.0.7:4711"]
    assert fetched(run, "w2") == ["tell w2: took base model x from w1 in 3.2 s"]
    assert fetched(run, "w3") == ["tell w3: took base model x from w2 in 3.2 s"]
    assert not run.state.peers.spreads and NAME in run.state.workers["w3"].cached


def test_without_peers_it_is_sent_as_ever() -> None:
    for run in (staged(True, True, on=False), staged(True, False)):
        assert wanted(run, "w2") == [f"deliver {NAME} w2"]
        assert run.wait(0.25) == [] and not run.state.peers.spreads


def test_what_is_no_base_model_is_sent() -> None:
    run = staged(True, True)
    other = "b" * 64
    assert run.tell(ev.ArtefactWanted(run.at, "w2", other)) == [f"deliver {other} w2"]


def test_where_no_peer_has_it_one_is_sent_it_and_the_others_wait_for_that() -> None:
    run = staged(True, True, True, holders=0)
    wanted(run, "w1", "w2", "w3")
    assert run.wait(0.25) == [f"deliver {NAME} w1"]
    assert run.wait(0.25) == []
    assert fetched(run, "w1", Source.HERE) == []
    assert run.wait(0.25) == ["serve #1 w1 to w2", "serve #2 w2 to w3"]


def test_nobody_waits_for_one_that_cannot_pass_it_on() -> None:
    run = staged(False, True, holders=0)
    assert wanted(run, "w1", "w2") == [f"deliver {NAME} w1"]
    assert run.wait(0.25) == [f"deliver {NAME} w2"]


def test_who_waits_for_longer_than_a_lease_is_sent_it_and_the_others_wait_on() -> None:
    run = staged(True, True, True, holders=0)
    wanted(run, "w1", "w2", "w3")
    run.wait(0.25)
    assert run.wait(LEASE_S + 1) == [f"deliver {NAME} w2"]
    assert run.wait(1) == []


def test_when_the_one_that_is_sent_it_is_lost_another_one_is() -> None:
    run = staged(True, True, holders=0)
    wanted(run, "w1", "w2")
    run.wait(0.25)
    run.lost("w1")
    assert run.wait(0.25) == [f"deliver {NAME} w2"]


def test_workers_of_one_disk_count_as_one() -> None:
    run = staged(True, True, True, disks=True, holders=0)
    wanted(run, "w1", "w2", "w3")
    assert run.wait(0.25) == [f"deliver {NAME} w1"]
    assert fetched(run, "w1", Source.HERE) == [f"fetch {NAME} w2", f"fetch {NAME} w3"]
    assert run.wait(0.25) == []


def test_mates_wait_for_the_one_of_them_that_takes_it_from_a_peer() -> None:
    run = staged(True, True, True)
    for name in ("w2", "w3"):
        run.up(name, disk="d", is_peer=True)
    wanted(run, "w2", "w3")
    assert run.wait(0.25) == ["serve #1 w1 to w2"]
    serving(run, "w1", 1)
    assert fetched(run, "w2") == ["tell w2: took base model x from w1 in 3.2 s", f"fetch {NAME} w3"]


def test_a_source_whose_address_is_not_known_is_never_named_to_a_taker() -> None:
    run = staged(True, True)
    wanted(run, "w2")
    assert run.wait(0.25) == ["serve #1 w1 to w2"], "nothing is said to w2 before w1 has answered"
    assert serving(run, "w2", 1) == [] and serving(run, "w1", 7) == []
    assert serving(run, "w1", 1) == ["take #1 w2 from w1 at 10.0.0.7:4711"]
    assert serving(run, "w1", 1) == [], "said again"


def test_a_peer_that_does_not_answer_is_left_within_five_seconds_and_that_is_told_once() -> None:
    run = staged(True, True, True, holders=2)
    wanted(run, "w3")
    assert run.wait(0.25) == ["serve #1 w1 to w3"]
    assert run.wait(100.0) == [], "it has not been asked yet: the head node hashes"
    assert run.tell(peer.Asked(run.at, "w1", NAME, 1)) == []
    assert run.wait(4.5) == [
        "tell w1: does not pass a base model on: it does not serve what it has; "
        "others have it from elsewhere, and it is not asked for 60 s",
        "serve #104 w2 to w3",
    ]


def test_one_whose_port_cannot_be_reached_is_not_asked_for_a_while() -> None:
    run = staged(True, True, True)
    wanted(run, "w2")
    run.wait(0.25)
    serving(run, "w1", 1)
    assert failed(run, "w2", 1) == [
        "tell w1: does not pass a base model on to w2: refused; "
        "others have it from elsewhere, and it is not asked for 60 s"
    ]
    assert run.wait(0.25) == [f"deliver {NAME} w2"]
    fetched(run, "w2", Source.HERE)
    wanted(run, "w3")
    assert run.wait(0.25) == ["serve #2 w2 to w3"]


def test_it_is_asked_again_after_that_while_and_told_once_in_all() -> None:
    run = staged(True, True, True, True)
    untold = 1
    for worker in ("w2", "w3"):
        wanted(run, worker)
        run.wait(0.25)
        number = run.state.peers.last_transfer
        serving(run, "w1", number)
        assert len(failed(run, worker, number)) == untold
        untold = 0
        assert run.wait(0.25) == [f"deliver {NAME} {worker}"]
        fetched(run, worker, Source.HERE)
        run.state.workers[worker].cached.clear()
        run.wait(61.0)
    wanted(run, "w4")
    assert run.wait(0.25) == [f"deliver {NAME} w4"], "the second time it is not asked for 120 s"


def test_who_could_not_take_it_from_two_is_sent_it_and_accuses_nobody() -> None:
    run = staged(True, True, True, True, holders=3)
    wanted(run, "w4")
    for source, number in (("w1", 1), ("w2", 2)):
        assert run.wait(0.25) == [f"serve #{number} {source} to w4"]
        serving(run, source, number)
        lines = failed(run, "w4", number)
    assert lines[-1] == f"deliver {NAME} w4" and not run.state.peers.spreads
    run.up("w4", disk="w4", is_peer=True)
    wanted(run, "w4")
    assert run.wait(0.25) == ["serve #3 w1 to w4"], "one unreachable worker stops nobody else"


def test_one_that_does_not_have_what_it_is_to_serve_says_so() -> None:
    run = staged(True, True)
    wanted(run, "w2")
    run.wait(0.25)
    (line,) = run.tell(peer.ServeFailed(run.at, "w1", NAME, 1, "it is not here"))
    assert line.startswith("tell w1: does not pass a base model on: it is not here; ")
    assert run.tell(peer.ServeFailed(run.at, "w1", NAME, 1, "it is not here")) == []
    assert run.wait(0.25) == [f"deliver {NAME} w2"]


def test_what_comes_late_of_a_transfer_that_was_replaced_is_not_heard() -> None:
    run = staged(True, True, True, holders=2)
    wanted(run, "w3")
    run.wait(0.25)
    serving(run, "w1", 1)
    failed(run, "w3", 1)
    assert run.wait(0.25) == ["serve #2 w2 to w3"]
    assert failed(run, "w3", 1) == received(run, "w3", 1, 7) == serving(run, "w1", 1) == []
    assert serving(run, "w2", 2) == ["take #2 w3 from w2 at 10.0.0.7:4711"]
    failed(run, "w3", 2)
    assert failed(run, "w3", 2) == [], "it is being sent"


@pytest.mark.parametrize(("gone", "then"), [("w1", "serve #3 w4 to w3"), ("w2", "serve #3 w3 to w4")])
def test_who_took_from_one_that_is_lost_goes_to_the_end_of_the_chain_that_is_left(
    gone: str, then: str
) -> None:
    run = staged(True, True, True, True, holders=2)
    wanted(run, "w3", "w4")
    assert run.wait(0.25) == ["serve #1 w1 to w3", "serve #2 w2 to w4"]
    serving(run, "w1", 1)
    serving(run, "w2", 2)
    run.lost(gone)
    assert run.wait(0.25) == [then]


def test_a_taker_that_is_lost_or_told_to_want_nothing_is_forgotten() -> None:
    run = staged(True, True, True)
    wanted(run, "w2", "w3")
    run.wait(0.25)
    run.lost("w2")
    assert run.wait(0.25) == ["serve #3 w1 to w3"]
    run.state.damaged.add(NAME)
    run.wait(1.0)
    assert not run.state.peers.spreads


def test_what_a_later_master_counts_does_not_begin_at_one_again() -> None:
    run = staged(True, True)
    run.at = 1_790_000_000.0
    wanted(run, "w2")
    assert run.wait(0.25) == ["serve #1790000000 w1 to w2"]


def test_what_no_stream_can_carry_is_sent_to_each_now_and_later() -> None:
    run = staged(True, True, True)
    wanted(run, "w2")
    run.wait(0.25)
    told = "tell base model x is sent to each worker: it holds links"
    assert run.tell(peer.Unfit(run.at, NAME, "it holds links")) == [told]
    assert run.wait(0.25) == [f"deliver {NAME} w2"] and not run.state.peers.spreads
    assert wanted(run, "w3") == [f"deliver {NAME} w3"]


def test_what_is_damaged_is_sent_to_nobody() -> None:
    run = staged(True, True)
    wanted(run, "w2")
    run.wait(0.25)
    run.tell(peer.Unfit(run.at, NAME, "it is damaged"))
    run.state.damaged.add(NAME)
    assert run.wait(0.25) == [] and not run.state.peers.spreads


def test_what_was_trained_again_goes_from_worker_to_worker_again() -> None:
    run = Stage(base(), job("later", "x"), workers=["w1", "w2"], policy=Policy(lease_s=LEASE_S, peers=True))
    run.up("w1", is_peer=True)
    run.up("w2", is_peer=True)
    run.state.peers.unfit.add(NAME)
    trained = next(record for record in run.state.jobs.values() if record.job.makes)
    assert trained.worker
    run.run_on(trained.worker, *trained.key)
    run.ended(trained.worker, *trained.key)
    run.tell(ev.Collected(run.at, *trained.key, NAME))
    assert NAME in run.state.home.values() and not run.state.peers.unfit


@pytest.mark.parametrize("gone", ["w2", "w3"])
def test_a_taker_that_is_removed_from_the_run_is_forgotten(gone: str) -> None:
    run = staged(True, True, True, holders=0)
    wanted(run, "w1", "w2", "w3")
    assert run.wait(0.25) == [f"deliver {NAME} w1"]
    run.order(RemoveWorkers([gone]))
    run.wait(0.05)
    assert gone not in run.state.workers
    assert all(gone not in spread.takers for spread in run.state.peers.spreads.values())
    run.wait(0.05)
    run.tell(peer.Unfit(run.at, NAME, "it holds links"))
    assert len(run.wait(0.05)) == 1, "the one that is left is sent it"


def test_a_source_that_is_removed_from_the_run_is_left() -> None:
    run = staged(True, True, True, holders=2)
    wanted(run, "w3")
    assert run.wait(0.25) == ["serve #1 w1 to w3"]
    run.order(RemoveWorkers(["w1"]))
    assert "serve #2 w2 to w3" in run.wait(0.05) + run.wait(0.05)


def test_who_has_no_source_cannot_have_failed_with_one() -> None:
    run = staged(True, True, holders=0)
    wanted(run, "w1", "w2")
    assert run.wait(0.25) == [f"deliver {NAME} w1"]
    assert failed(run, "w2", 0) == [] and not run.state.peers.barred
