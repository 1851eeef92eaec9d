"""What becomes of what the parts say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.gpu_check.parts import PARTS, Part, Setting
from benchmarks.gpu_check.running import Outcome, last_object, outcome, run_all, table

PART = Part("p", "", lambda setting: [], 1.0, lambda told: told["figures"])
CPU = Setting("cpu", 0, small=True)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("words\n", {}),
        ('{"a": 1}\nwords\n{"b": 2}\n', {"b": 2}),
        ('words\n{\n "a": {\n  "b": 1\n }\n}\n', {"a": {"b": 1}}),
        ('{"a": 1}\nnot the end', {}),
    ],
)
def test_the_last_object_counts(text: str, found: dict[str, object]) -> None:
    assert last_object(text) == found


def test_figures_bear_the_name_of_their_part() -> None:
    assert outcome(PART, 2.0, 0, '{"figures": {"x, s": 3}}', "") == Outcome("p", 2.0, {"p: x, s": 3.0})


def test_what_was_measured_before_a_failure_is_kept() -> None:
    found = outcome(PART, 2.0, 1, '{"figures": {"x": 3}, "failed": "y broke"}', "")
    assert (found.figures, found.failed) == ({"p: x": 3.0}, "exit code 1")
    assert outcome(PART, 2.0, -9, "", "took more than 1 s").failed == "took more than 1 s"
    assert "figures" in outcome(PART, 2.0, 0, "words", "").failed
    assert outcome(PART, 2.0, 0, '{"figures": {}, "failed": "an arm"}', "").failed == "an arm"


def test_what_needs_more_cards_or_time_than_there_are_is_skipped_with_a_word() -> None:
    two = replace(PART, least_cards=2)
    assert [each.skipped for each in run_all([two], CPU)] == ["needs 2 cards, here are 0"]
    assert [each.skipped for each in run_all([PART], CPU, seconds=0.0)] == ["no time left"]


def test_a_cpu_that_has_other_work_has_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []

    def run(part: Part, words: object, seconds: float) -> Outcome:
        given.append(seconds)
        return Outcome(part.name)

    monkeypatch.setattr("benchmarks.gpu_check.running.run", run)
    for setting in (CPU, Setting("cuda", 1, small=False)):
        assert len(list(run_all([PART], setting, seconds=10.0))) == 1
    assert given == [6.0, 1.0]


def test_the_table_tells_goals_and_which_were_missed() -> None:
    met = Outcome("probes", 1.0, {"probes: an epoch, s": 0.1})
    missed = Outcome("search", 1.0, {"search: fused, s": 40.0, "search: warm, s": 1.0}, failed="an arm")
    lines = list(table([met, missed, Outcome("two cards", skipped="one card")], with_goals=True))
    assert [line.split()[-2:] for line in lines if "goal" in line] == [["≤", "0.2"], ["12", "MISSED"]]
    assert len(lines) == 5 and lines[-1].endswith("skipped: one card")
    assert not any("goal" in line for line in table([met], with_goals=False))


def test_parts_have_names_of_their_own_and_fit_the_time_of_all() -> None:
    one_card = [part for part in PARTS if part.least_cards < 2]
    assert len({part.name for part in PARTS}) == len(PARTS)
    assert sum(part.seconds for part in one_card) <= 400.0
    assert all("cpu" in part.words(CPU) or part.name == "tabular" for part in PARTS)
