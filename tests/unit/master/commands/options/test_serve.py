"""The words of `twophase serve`."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.commands.options.serve import EPILOG, parse_serve


def test_it_names_one_directory_and_asks_for_no_jobs() -> None:
    options = parse_serve(["standing", "--retries", "2", "--web", "0"])
    assert (options.run_dir, options.retries, options.web) == (Path("standing"), 2, 0)
    assert (options.jobs_config, options.verify, options.dry_run) == (None, False, False)
    assert not options.sweep.given


@pytest.mark.parametrize("words", [[], ["one", "two"], ["one", "--jobs-config", "jobs.json"]])
def test_other_words_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_serve(words)
    assert ended.value.code == 2
    assert "usage: twophase serve" in capsys.readouterr().err


def test_help_teaches_how_jobs_come_in_and_how_it_ends() -> None:
    for said in ("twophase add jobs.json --script-path train.py", "POST /api/jobs", "Ctrl-C", "exit codes"):
        assert said in EPILOG
