"""The order of the rooms: who may import from whom, and what is a circle."""

from collections import Counter

from scripts.lib.house.rooms import STOREYS, between_rooms, circles, room_of, sorted_rooms, storey_of, upward

FOLDERS = {
    "master",
    "master.core",
    "master.core.running",
    "master.runs",
    "trainers",
    "trainers.mine",
    "worker_agent",
}


def test_a_module_lies_in_its_folder() -> None:
    assert room_of("master.runs.run.Run", FOLDERS) == "master.runs"
    assert room_of("master.core.running.retry", FOLDERS) == "master.core.running"
    assert room_of("trainers.mine.network", FOLDERS) == "trainers.mine"


def test_what_lies_flat_in_a_package_is_of_the_package_unless_the_order_names_it() -> None:
    assert room_of("worker_agent.hands.Hands", FOLDERS) == "worker_agent"
    assert room_of("worker_agent.__version__", FOLDERS) == "worker_agent"
    assert room_of("master.errors.UserError", FOLDERS) == "master.errors"


def test_imports_within_a_room_are_no_arrows() -> None:
    imports = [("master.runs.run", "master.errors.UserError"), ("master.runs.run", "master.runs.clock")]
    assert between_rooms(imports, FOLDERS) == {("master.runs", "master.errors"): 1}


def test_an_arrow_may_only_lead_down() -> None:
    arrows = Counter({("master.runs", "master.errors"): 2, ("master.errors", "master.runs"): 3})
    assert upward(arrows) == {("master.errors", "master.runs"): 3}


def test_neighbours_on_a_storey_do_not_import_each_other() -> None:
    arrows = Counter({("master.intake", "master.storage"): 1, ("trainers.a", "trainers.b"): 1})
    assert upward(arrows) == arrows


def test_trainers_are_found_and_stand_on_what_they_share() -> None:
    assert storey_of("trainers.anything") == len(STOREYS) - 1
    assert upward({("trainers.anything", "trainers.common"): 1}) == {}
    assert storey_of("master.cellar") is None


def test_rooms_that_reach_each_other_are_a_circle() -> None:
    arrows = {("a", "b"): 1, ("b", "c"): 1, ("c", "a"): 1, ("c", "d"): 1}
    assert circles(arrows) == [["a", "b", "c"]]
    assert circles({("a", "b"): 1, ("b", "c"): 1}) == []


def test_rooms_are_sorted_from_the_ground_up() -> None:
    rooms = ["unknown", "master.runs", "master.errors", "worker_agent.protocol"]
    assert sorted_rooms(rooms) == ["worker_agent.protocol", "master.errors", "master.runs", "unknown"]
