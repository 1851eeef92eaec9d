"""How things are written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from master.core.planning.plan import Job
from master.core.running.forecast.time_left import TimeLeft
from master.core.running.summary import PhaseCounts
from master.view.wording import (
    counts_text,
    duration,
    ending,
    figure,
    first_of,
    job_name,
    left_text,
    metrics_text,
    progress_text,
)
from worker_agent.protocol.reports import Said


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (-0.2, "0.0s"),
        (0.04, "0.0s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (59.4, "59s"),
        (59.6, "1m00s"),
        (205, "3m25s"),
        (3599.7, "1h00m"),
        (7380, "2h03m"),
        (86400 + 4 * 3600, "1d04h"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.97123, "0.9712"),
        (1.0, "1.0000"),
        (0, "0.0000"),
        (12.0, "12"),
        (3e-5, "3.000e-05"),
        (12345.5, "1.235e+04"),
    ],
)
def test_figures(value: float, text: str) -> None:
    assert figure(float(value)) == text


@pytest.mark.parametrize(
    ("said", "texts"),
    [
        (Said(), ("", "")),
        (Said("loading \x1b[1mdata"), ("", "loading data")),
        (Said("x", epoch=0, epochs=30), ("0/30", "")),
        (Said(epoch=3, metrics={"loss": 0.5, "val_f1": 0.9}), ("3", "val_f1 0.9000  loss 0.5000")),
        (Said(epoch=3), ("3", "")),
        (Said("x", epochs=9), ("", "x")),
    ],
)
def test_progress(said: Said, texts: tuple[str, str]) -> None:
    assert progress_text(said) == texts


def test_only_numbers_are_shown_and_only_a_few() -> None:
    shown = metrics_text({"name": "x", "a": 1.5, "nan": float("nan"), "b": 2.5, "c": 3.5, "d": 4.5})
    assert shown == "a 1.5000  b 2.5000  c 3.5000"


def test_of_many_names_the_first_is_told() -> None:
    assert [first_of(names) for names in (["a"], ["a", "b"], ["a"] * 1204)] == [
        *("a", "a and 1 more", "a and 1,203 more"),
    ]


def test_counts_leave_out_what_there_is_none_of() -> None:
    assert counts_text(PhaseCounts(total=5, succeeded=5), TimeLeft(0.0, 0.0, 0.0)) == "5/5 done"
    everything = PhaseCounts(total=15, succeeded=5, failed=1, blocked=2, cancelled=3, running=4)
    assert counts_text(everything, TimeLeft(40.0, 70.0, 83.0)) == (
        "5/15 done, 4 running, 1 failed, 2 blocked, 3 cancelled, 40s–1m20s left"
    )


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (TimeLeft(41.0, 60.0, 83.0), "41s–1m20s left"),
        (TimeLeft(700.0, 2400.0, 3900.0), "12m–1h05m left"),
        (TimeLeft(7300.0, 7400.0, 7500.0), "about 2h05m left"),
        (TimeLeft(0.0, 0.2, 0.4), "about 0s left"),
        (TimeLeft(3.6, 3.7, 3.9), "about 4s left"),
        (TimeLeft(80_000.0, 100_000.0, 200_000.0), "22h15m–2d07h left"),
    ],
)
def test_time_left_is_a_range_as_exact_as_a_guess_deserves(left: TimeLeft, text: str) -> None:
    assert left_text(left) == text


def test_of_a_long_name_the_end_is_shown() -> None:
    name = "alpha/batch_size=64_lr=1e-3_seed=7"
    assert ending(name, 40) == name
    assert ending(name, 16) == "…_lr=1e-3_seed=7"
    assert [ending("abc", room) for room in (3, 2, 1, 0)] == ["abc", "…c", "…", "…"]


def test_a_generation_is_called_by_its_name_and_two_phases_as_ever() -> None:
    made = Job("base_models/" + "a" * 32, phase=1, makes="a" * 32)
    assert job_name(made) == "base model aaaaaaaaaaaa"
    assert job_name(replace(made, stage="everyone")) == "base model aaaaaaaaaaaa (everyone)"
    assert job_name(replace(made, stage="x" * 30)) == f"base model aaaaaaaaaaaa ({'x' * 23}…)"
    assert job_name(Job("alpha/x", phase=2, needs="a" * 32)) == "alpha/x"
