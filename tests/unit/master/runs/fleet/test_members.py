"""Which workers a start has."""

from __future__ import annotations

from typing import Any, cast

from master.core.running.orders.membership import Membership
from master.core.running.orders.of_workers import AddWorker
from master.runs.fleet.members import Members, members_of
from master.runs.fleet.reached import as_json
from master.runs.fleet.roster import Roster
from master.specs import ClusterSpec, ServerSpec
from master.storage.journal import Journal
from tests.support.rosters import QuietLink, quiet_link, roster_of
from tests.unit.master.core.running.stage import Stage, job

LAB1, LAB2, LAB3 = (ServerSpec(name, name, state_dir=f"/{name}") for name in ("lab1", "lab2", "lab3"))
CLUSTER = ClusterSpec((LAB1, LAB2))
OLD = ClusterSpec((LAB3,), known_hosts="/old")
LAB9 = AddWorker({"servers": [{"host": "lab9", "gpus": 0}]}, name="lab9")


def names(members: Members) -> list[str]:
    return [server.name for server in members.servers]


def test_without_orders_they_are_those_of_the_cluster_config() -> None:
    members = members_of(CLUSTER, Membership(), {"lab1": as_json(LAB1, CLUSTER)})
    assert (names(members), members.leaving, members.notes) == (["lab1", "lab2"], {}, [])


def test_what_was_added_is_there_and_what_was_removed_is_not() -> None:
    members = members_of(CLUSTER, Membership({"lab9": LAB9}, frozenset({"lab2"})), {})
    assert names(members) == ["lab1", "lab9"]
    stays = "lab2: stays out of the run, as it was removed from it: add-worker takes it back"
    assert members.notes == [stays]


def test_a_worker_that_was_added_and_is_in_the_config_now_is_as_that_says() -> None:
    members = members_of(CLUSTER, Membership({"lab1": AddWorker(LAB9.config, name="lab1")}), {})
    assert members.there["lab1"] == (LAB1, CLUSTER)


def test_a_worker_that_cannot_be_read_any_more_is_left_out_with_a_word() -> None:
    broken = AddWorker(
        {"servers": [{"host": "lab9", "gpus": 0, "env_from": ["NOT_SET_ANYWHERE"]}]}, name="lab9"
    )
    members = members_of(CLUSTER, Membership({"lab9": broken}), {})
    assert names(members) == ["lab1", "lab2"]
    (note,) = members.notes
    assert note.startswith("lab9: was added to the run and cannot be used now: ")


def test_what_runs_on_an_added_worker_whose_config_cannot_be_read_any_more_may_finish() -> None:
    broken = AddWorker(
        {"servers": [{"host": "lab9", "gpus": 0, "env_from": ["NOT_SET_ANYWHERE"]}]}, name="lab9"
    )
    lab9 = ServerSpec("lab9", "lab9", state_dir="/lab9")
    members = members_of(CLUSTER, Membership({"lab9": broken}), {"lab9": as_json(lab9, OLD)})
    assert names(members) == ["lab1", "lab2", "lab9"]
    assert members.there["lab9"][0].state_dir == "/lab9"
    (note,) = members.notes
    assert note.startswith("lab9: was added to the run and cannot be used now: ")
    assert "NOT_SET_ANYWHERE" in note and note.endswith("; what runs there may finish, it gets nothing more")
    run = Stage(job(), workers=names(members))
    members.let_leave(run.state)
    leaving = run.state.workers["lab9"].leaves
    assert leaving is not None and not leaving.at_once and not run.state.workers["lab9"].usable


def test_of_an_added_worker_that_is_in_the_config_now_the_order_is_read_no_more() -> None:
    broken = AddWorker({"servers": [{"host": "a b"}]}, name="lab1")
    members = members_of(CLUSTER, Membership({"lab1": broken}), {})
    assert (names(members), members.notes) == (["lab1", "lab2"], [])


def test_a_worker_that_the_config_lacks_and_that_may_have_jobs_leaves() -> None:
    members = members_of(CLUSTER, Membership(), {"lab3": as_json(LAB3, OLD)})
    assert names(members) == ["lab1", "lab2", "lab3"]
    assert members.there["lab3"][0].state_dir == "/lab3" and members.there["lab3"][1].known_hosts == "/old"
    assert members.notes == ["lab3: is no longer in the cluster config: what runs there of this run is ended"]
    run = Stage(job(), workers=names(members))
    members.let_leave(run.state)
    leaving = run.state.workers["lab3"].leaves
    assert leaving is not None and leaving.at_once and not run.state.workers["lab3"].usable
    assert run.state.workers["lab1"].leaves is None


def test_a_removed_worker_that_had_not_gone_yet_is_still_there() -> None:
    orders = Membership(removed=frozenset({"lab2", "lab3"}))
    known = {"lab2": as_json(LAB2, CLUSTER), "lab3": as_json(LAB3, OLD)}
    members = members_of(CLUSTER, orders, known)
    assert (names(members), members.leaving) == (["lab1", "lab2", "lab3"], {})


def test_where_it_is_not_known_how_one_was_reached_the_user_is_told() -> None:
    members = members_of(CLUSTER, Membership(), {"lab3": {}})
    assert names(members) == ["lab1", "lab2"]
    assert members.notes[0].startswith("lab3: how it was reached cannot be read")


class Kept:
    """A journal that remembers workers."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def remember_workers(self, changes: dict[str, Any]) -> None:
        self.told.append(changes)


def test_all_are_taken_and_how_they_are_reached_is_remembered() -> None:
    kept, roster = Kept(), Roster(quiet_link, "run1")
    members = members_of(CLUSTER, Membership(), {})
    assert members.take_all(roster, cast(Journal, kept), {"/d": "c"}) == {"/d": "c"}
    assert list(roster.links) == ["lab1", "lab2"]
    assert kept.told == [{"lab1": as_json(LAB1, CLUSTER), "lab2": as_json(LAB2, CLUSTER)}]


def test_those_have_more_slots_of_which_users_wanted_that() -> None:
    roster, run = roster_of(CLUSTER), Stage(job(), workers=["lab1", "lab2"])
    run.state.workers["lab2"].raised = 8
    members_of(CLUSTER, Membership(), {}).raise_slots(run.state, roster)
    assert [cast(QuietLink, roster.links[name]).done for name in ("lab1", "lab2")] == [
        [],
        [("have slots", 8)],
    ]
