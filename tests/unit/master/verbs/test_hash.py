"""`twophase hash`."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.verbs.hash import main
from tests.unit.master.verbs.published import as_published

FIRST, SECOND = "a" * 32, "b" * 32


def test_a_job_tells_its_base_model(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alpha/lr=0.1", "--run", str(run)]) == 0
    first, *fields = capsys.readouterr().out.splitlines()
    assert first == f"alpha/lr=0.1: base model {FIRST}, 1 experiments start from it"
    assert fields == ["  seed=1", '  code="c"']
    main(["plain", "--run", str(run), "--json"])
    assert as_published("hash", capsys.readouterr().out)["spec_hash"] is None


def test_what_keeps_two_jobs_from_sharing_is_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "lr=0.1", "lr=0.01", "--run", str(run)]) == 0
    _, *lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "  seed: 1 in alpha/lr=0.1, 2 in alpha/lr=0.01",
        "  width: (not given) in alpha/lr=0.1, 8 in alpha/lr=0.01",
    ]
    main(["diff", "lr=0.1", SECOND[:8], "--run", str(run), "--json"])
    printed = as_published("hash_diff", capsys.readouterr().out)
    assert [item["field"] for item in printed["fields"]] == ["seed", "width"] and not printed["same"]


def test_jobs_that_share_are_told_so(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "lr=0.1", FIRST, "--run", str(run)]) == 0
    assert capsys.readouterr().out == f"both start from base model {FIRST}: nothing keeps them apart\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["lr=0.2"], "no job `lr=0.2` in this run: did you mean"),
        (["diff", "lr=0.1"], "give one job, or `diff` and two jobs"),
        (["lr=0.1", "lr=0.01"], "give one job, or `diff` and two jobs"),
    ],
)
def test_wrong_words_are_one_line(
    words: list[str], says: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--run", str(run)]) == 2
    assert says in capsys.readouterr().err
