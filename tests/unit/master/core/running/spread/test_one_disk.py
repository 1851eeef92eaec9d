"""Workers with one disk: one is sent an artefact, the others take it from there, or are sent it after all."""

from __future__ import annotations

import pytest

from master.core.running import events as ev
from master.core.running.spread import one_disk
from tests.unit.master.core.running.stage import LEASE_S, Stage, job
from worker_agent.protocol.artefacts.fetching import Source

NAME = "a" * 64


def staged(disks: tuple[str, ...] = ("d", "d", "d"), cached: tuple[str, ...] = ()) -> Stage:
    """`w1`, `w2` … are up and have these disks; `w1` has cached something."""
    names = [f"w{number}" for number in range(1, len(disks) + 1)]
    run = Stage(job(), workers=names)
    for name, disk in zip(names, disks, strict=True):
        run.up(name, disk=disk, cached=cached if name == "w1" else ())
    return run


def wanted(run: Stage, worker: str, name: str = NAME) -> list[str]:
    return run.tell(ev.ArtefactWanted(run.at, worker, name))


def delivered(run: Stage, worker: str) -> list[str]:
    return run.tell(ev.Delivered(run.at, worker, NAME))


def fetched(run: Stage, worker: str, source: Source = Source.HERE) -> list[str]:
    return run.tell(ev.Fetched(run.at, worker, NAME, source))


def failed(run: Stage, worker: str, name: str = NAME) -> list[str]:
    return run.tell(ev.FetchFailed(run.at, worker, name, "nowhere"))


def told(worker: str) -> str:
    why = "what another worker has on its disk cannot be had from there: nowhere"
    return f"tell {worker}: {why}; it is sent"


def test_one_copy_serves_all_that_have_the_disk() -> None:
    run = staged()
    assert wanted(run, "w1") == [f"deliver {NAME} w1"]
    assert wanted(run, "w2") == wanted(run, "w3") == wanted(run, "w2") == []
    assert delivered(run, "w1") == [], "it is not checked yet"
    assert fetched(run, "w1") == [f"fetch {NAME} w2", f"fetch {NAME} w3"]
    assert fetched(run, "w2", Source.DISK) == fetched(run, "w3", Source.DISK) == []
    assert not run.state.behind
    assert all(NAME in view.cached and not view.delivering for view in run.state.workers.values())


def test_what_one_has_had_for_long_is_not_sent_to_another() -> None:
    run = staged(cached=(NAME,))
    assert wanted(run, "w2") == [f"fetch {NAME} w2"]


def test_workers_of_other_disks_and_of_none_are_sent_it_each() -> None:
    run = staged(("d", "e", "", ""))
    assert [wanted(run, f"w{number}") for number in (1, 2, 3, 4)] == [
        [f"deliver {NAME} w{number}"] for number in (1, 2, 3, 4)
    ]
    assert fetched(run, "w1") == []
    assert delivered(run, "w3") == [] and NAME in run.state.workers["w3"].cached


def test_a_base_model_that_was_taken_is_told() -> None:
    run = staged(cached=(NAME,))
    run.state.home["0123456789abcdef"] = NAME
    for count, worker in enumerate(("w2", "w3"), start=2):
        wanted(run, worker)
        taken = ev.Fetched(run.at, worker, NAME, Source.DISK, 1.25)
        what = f"took base model 0123456789ab from its disk in 1.2 s: one copy serves {count} workers"
        assert run.tell(taken) == [f"tell {worker}: {what}"]


def test_who_does_not_find_it_is_sent_it_and_that_is_told_once() -> None:
    run = staged(cached=(NAME, "b" * 64, "c" * 64))
    wanted(run, "w2")
    assert failed(run, "w2") == [told("w2"), f"deliver {NAME} w2"]
    fetched(run, "w2")
    assert wanted(run, "w2", "b" * 64) == [f"fetch {'b' * 64} w2"]
    assert failed(run, "w2", "b" * 64) == [f"deliver {'b' * 64} w2"]
    assert wanted(run, "w2", "c" * 64) == [f"deliver {'c' * 64} w2"], "its disk is one of its own"
    run.lost("w2")
    run.up("w2", disk="d")
    assert wanted(run, "w2", "c" * 64) == [f"fetch {'c' * 64} w2"]


def test_nobody_waits_for_one_whose_disk_is_its_own() -> None:
    run = staged(cached=("b" * 64, "c" * 64))
    for name in ("b" * 64, "c" * 64):
        wanted(run, "w2", name)
        failed(run, "w2", name)
    assert wanted(run, "w2") == [f"deliver {NAME} w2"]
    assert wanted(run, "w3") == [f"deliver {NAME} w3"] and fetched(run, "w2") == []
    assert wanted(run, "w1") == [] and fetched(run, "w3") == [f"fetch {NAME} w1"]


def test_what_one_has_not_found_there_no_other_looks_for() -> None:
    run = staged(cached=(NAME,))
    wanted(run, "w2")
    failed(run, "w2")
    assert wanted(run, "w3") == [] and fetched(run, "w2") == [f"fetch {NAME} w3"]


def test_what_is_not_there_though_it_was_sent_is_a_failed_delivery() -> None:
    run = staged()
    wanted(run, "w1")
    tries = [failed(run, "w1") for _ in range(run.policy.max_deliveries)]
    assert tries[0] == [f"deliver {NAME} w1"] and tries[-1][0].startswith("pause w1 ")
    assert not run.state.sent and run.state.workers["w1"].failed_fetches == 0


def test_who_says_that_it_failed_before_it_was_told_to_look_is_sent_it_once() -> None:
    run = staged()
    wanted(run, "w1")
    wanted(run, "w2")
    assert failed(run, "w2") == [told("w2"), f"deliver {NAME} w2"]
    assert run.wait(LEASE_S + 1) == [] and fetched(run, "w1") == []


def test_how_long_it_takes_to_send_is_learned_of_what_was_sent_alone() -> None:
    run = staged(cached=(NAME,))
    run.state.home["0123456789abcdef"] = NAME
    wanted(run, "w2")
    failed(run, "w2")
    run.at += 7.0
    fetched(run, "w2")
    assert run.state.longest_send_s == 7.0
    wanted(run, "w3")
    run.at += 100.0
    fetched(run, "w3", Source.DISK)
    assert run.state.longest_send_s == 7.0 and not run.state.sent


def test_what_was_on_its_way_when_a_worker_was_lost_is_forgotten() -> None:
    run = staged(("d",))
    wanted(run, "w1")
    run.lost("w1")
    run.up("w1", disk="e")
    assert not run.state.sent and run.state.disks == {"d": set(), "e": {"w1"}}


def test_who_comes_back_at_once_waits_for_nothing_of_before() -> None:
    run = staged(("d", "d", "d"))
    wanted(run, "w1")
    wanted(run, "w2")
    for worker in ("w1", "w2"):
        run.lost(worker)
        run.up(worker, disk="d")
    assert wanted(run, "w2") == [f"deliver {NAME} w2"] and wanted(run, "w3") == []
    assert run.wait(0.25) == [], "w3 waits for w2, which is sent it once"


def test_while_many_wait_for_one_not_each_looks_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    run = staged(("d",) * 20)
    for worker in run.workers:
        wanted(run, worker)
    asked = list[str]()
    monkeypatch.setattr(one_disk, "_mates", lambda state, view: asked.append(view.name) or iter(()))
    assert run.wait(0.25) == []
    assert fetched(run, "w1") == [f"fetch {NAME} w{number}" for number in range(2, 21)]
    assert not asked and not run.state.behind


def test_what_is_found_again_counts_as_if_it_had_never_failed() -> None:
    run = staged(cached=(NAME, "b" * 64))
    wanted(run, "w2", "b" * 64)
    failed(run, "w2", "b" * 64)
    wanted(run, "w2")
    fetched(run, "w2", Source.DISK)
    assert run.state.workers["w2"].failed_fetches == 0


def test_when_the_one_that_is_sent_it_is_lost_another_is_sent_it() -> None:
    run = staged()
    for worker in ("w1", "w2", "w3"):
        wanted(run, worker)
    run.lost("w1")
    assert run.wait(0.25) == [f"deliver {NAME} w2"]
    assert run.wait(0.25) == []
    assert fetched(run, "w2") == [f"fetch {NAME} w3"]


def test_when_the_one_that_is_sent_it_leaves_the_run_another_is_sent_it() -> None:
    run = staged()
    wanted(run, "w3")
    wanted(run, "w2")
    del run.state.workers["w3"]
    assert run.wait(0.25) == [f"deliver {NAME} w2"]


def test_who_waited_and_is_gone_is_forgotten() -> None:
    run = staged()
    wanted(run, "w1")
    wanted(run, "w2")
    run.lost("w2")
    run.wait(0.25)
    assert not run.state.behind and fetched(run, "w1") == []


def test_nobody_waits_for_longer_than_a_lease() -> None:
    run = staged()
    wanted(run, "w1")
    wanted(run, "w2")
    assert run.wait(LEASE_S) == []
    assert run.wait(1) == [f"deliver {NAME} w2"]
    assert run.wait(1) == []


def test_what_was_damaged_on_its_way_is_sent_again_while_others_wait() -> None:
    run = staged()
    wanted(run, "w1")
    wanted(run, "w2")
    torn = ev.DeliveryFailed(run.at, "w1", NAME, "torn")
    assert run.tell(torn) == [f"deliver {NAME} w1"] and run.wait(0.25) == []
    assert fetched(run, "w1") == [f"fetch {NAME} w2"]


def test_what_nobody_asked_for_is_not_believed() -> None:
    run = staged()
    assert fetched(run, "w1") == [] and not run.state.workers["w1"].cached


def test_what_failed_for_an_earlier_master_is_wanted() -> None:
    run = staged()
    assert failed(run, "w1") == [f"deliver {NAME} w1"]


def test_what_is_damaged_at_home_is_not_sent_any_more() -> None:
    run = staged(cached=(NAME,))
    wanted(run, "w2")
    run.state.damaged.add(NAME)
    assert failed(run, "w2") == [] and not run.state.workers["w2"].delivering


def of_two_models(*disks: str) -> Stage:
    """One job starts from `x`, and two from `y`; `w1` is up, has `x` cached and no room."""
    names = [f"w{number}" for number in range(1, len(disks) + 1)]
    jobs = [job("y1", "y"), job("y2", "y"), job("x1", "x")]
    run = Stage(*jobs, workers=names, in_store={"x": NAME, "y": "b" * 64})
    run.up("w1", slots=0, disk=disks[0], cached=(NAME,))
    return run


@pytest.mark.parametrize(("disk", "first"), [("d", "x1"), ("e", "y1")])
def test_who_reads_the_disk_of_one_that_has_a_base_model_ranks_as_one_that_has_it(
    disk: str, first: str
) -> None:
    run = of_two_models("d", disk)
    assert f"start {first}#1@w2" in run.up("w2", disk=disk)


def test_what_one_has_been_sent_its_mates_have_as_good_as_that() -> None:
    run = of_two_models("e", "d", "d")
    for worker in ("w2", "w3"):
        run.up(worker, slots=0, disk="d")
    wanted(run, "w2")
    fetched(run, "w2")
    assert list(run.state.workers["w3"].expected_models) == ["x"]
    assert not run.state.workers["w1"].expected_models.keys() - {"x"}
