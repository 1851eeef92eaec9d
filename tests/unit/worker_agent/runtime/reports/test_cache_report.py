"""`worker_agent cache` finds the cache where agents have it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from worker_agent import __main__ as program
from worker_agent.protocol.codec import parse
from worker_agent.protocol.layout import WorkLayout
from worker_agent.protocol.looks.cache import CacheNow
from worker_agent.runtime.reports.cache_report import run
from worker_agent.system.this_machine import hostname


def args(*words: str) -> argparse.Namespace:
    return program._parser().parse_args(["cache", *words])


@pytest.mark.parametrize("where", ["state", "big"])
def test_it_is_where_agents_have_it(where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state, big = tmp_path / "state", tmp_path / "big"
    work = big / hostname() if where == "big" else state / hostname() / "work"
    cached = WorkLayout(work).cached("a" * 64)
    cached.mkdir(parents=True)
    (cached / "x").write_text("abc")
    more = ("--work-dir", str(big)) if where == "big" else ()
    assert run(args("ls", "--state-dir", str(state), *more)) == 0
    found = parse(CacheNow, json.loads(capsys.readouterr().out)["cache"])
    assert [(item.content_hash, item.bytes) for item in found.items] == [("a" * 64, 3)]


def test_what_is_no_folder_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(args("ls", "--state-dir", str(tmp_path), "--work-dir", "relative")) == 1
    assert "the cache cannot be looked at: Settings.work_dir is 'relative'" in capsys.readouterr().err


def test_an_artefact_is_placed_and_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--state-dir", str(tmp_path), "--artefact", "a" * 64)
    assert run(args("place", *where)) == 0
    assert parse(CacheNow, json.loads(capsys.readouterr().out)["cache"]).items == []
    assert run(args("take", *where)) == 0
    (item,) = parse(CacheNow, json.loads(capsys.readouterr().out)["cache"]).items
    assert "is not there, where it was sent" in item.problem


def test_which_one_must_be_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(args("take", "--state-dir", str(tmp_path))) == 1
    assert "`take` is of one artefact: --artefact HASH" in capsys.readouterr().err
    for text in ("../x", "a" * 63, "A" * 64):
        with pytest.raises(SystemExit):
            args("take", "--state-dir", str(tmp_path), "--artefact", text)
        assert "no content hash: 64 hex digits" in capsys.readouterr().err
