"""The minutes of each room of tests."""

from tests.support.room_times import RoomTimes


def test_what_tests_took_is_added_up_by_room() -> None:
    times = RoomTimes()
    for nodeid, seconds in [
        ("tests/unit/master/test_a.py::test_x[1]", 30.0),
        ("tests/unit/master/test_a.py::test_x[1]", 24.0),
        ("tests/unit/master/test_a.py::test_x[2]", 6.0),
        ("tests/e2e/test_b.py::test_y", 90.0),
    ]:
        times.add(nodeid, seconds)
    assert times.lines() == [
        "tests/e2e                1.5 min      1 tests",
        "tests/unit               1.0 min      2 tests",
    ]


def test_no_tests_have_no_minutes() -> None:
    assert RoomTimes().lines() == []
