"""The time of a run goes on, whatever happens to the machine's clock."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from master import steady_clock


@pytest.mark.parametrize("jump_s", [-3600.0, 3600.0])
def test_setting_the_clock_changes_nothing(monkeypatch: pytest.MonkeyPatch, jump_s: float) -> None:
    before, wall = steady_clock.now(), time.time()
    monkeypatch.setattr(time, "time", lambda: wall + jump_s)
    assert 0.0 <= steady_clock.now() - before < 60.0


@pytest.mark.parametrize("jump_s", [-3600.0, 3600.0])
def test_who_reads_what_another_program_wrote_goes_by_its_clock(
    monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    written, wall = steady_clock.now(), time.time()
    clock = json.loads(json.dumps(steady_clock.told()))
    monkeypatch.setattr(time, "time", lambda: wall + jump_s)
    monkeypatch.setattr(
        steady_clock, "_OFFSET_S", steady_clock._OFFSET_S + jump_s
    )  # of a reader that came later
    assert 0.0 <= steady_clock.now_by(clock) - written < 60.0


@pytest.mark.parametrize(
    "clock",
    [None, {}, {"boot": "another", "offset_s": 1.0}, {"boot": "", "offset_s": 1.0}, {"offset_s": "x"}],
)
def test_on_another_machine_or_after_a_restart_it_is_the_time_of_day(
    monkeypatch: pytest.MonkeyPatch, clock: dict[str, object] | None
) -> None:
    monkeypatch.setattr(time, "time", lambda: 7.0)
    assert steady_clock.now_by(clock) == 7.0
    assert steady_clock.now_by({**steady_clock.told(), "offset_s": "x"}) == 7.0


def test_where_the_kernel_names_no_boot_it_is_the_time_of_day(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(time, "time", lambda: 7.0)
    monkeypatch.setattr(steady_clock, "_BOOT_ID", tmp_path / "none")
    assert steady_clock.now_by(steady_clock.told()) == 7.0


def test_it_is_the_time_of_day_where_nobody_sets_the_clock() -> None:
    assert abs(steady_clock.now() - time.time()) < 60.0
