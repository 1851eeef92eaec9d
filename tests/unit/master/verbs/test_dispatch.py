"""The table of verbs, and what looks into it."""

from __future__ import annotations

import importlib
import re

import pytest

from master.verbs import dispatch
from master.verbs.table import VERBS


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_tells_its_exit_codes_and_an_example(name: str) -> None:
    told = importlib.import_module(VERBS[name].module).parser().format_help()
    assert told.startswith(f"usage: twophase {name} ")
    assert re.search(r"exit codes:\n +0 ", told) and re.search(
        r"examples:\n  (twophase|run_two_phase) ", told
    )


def test_help_has_a_line_for_each() -> None:
    assert [line.split()[0] for line in dispatch.help_lines()] == list(VERBS)


def test_an_unknown_word_is_answered_with_the_nearest() -> None:
    assert dispatch.unknown("pss", []) == ("twophase: unknown command pss: did you mean `twophase ps`?", 2)
    told, _ = dispatch.unknown("train_probe", ["train_probes"])
    assert told.endswith("did you mean `twophase train_probes`?")
    assert dispatch.unknown("zzzz", []) == ("twophase: unknown command zzzz", 2)


def test_a_verb_gets_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    from master.verbs import ps

    seen: list[list[str]] = []
    monkeypatch.setattr(ps, "main", lambda words: seen.append(words) or 7)
    assert dispatch.main("ps", ["--failed"]) == 7 and seen == [["--failed"]]
