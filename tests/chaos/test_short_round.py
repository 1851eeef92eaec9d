"""A short round of chaos: a real run on container workers under seeded faults keeps every promise."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.chaos.report import as_text
from tests.chaos.session import Chosen, play
from tests.support.needs import UnavailableError, missing

QUICK = (
    *("kill_agent", "kill_keeper", "kill_sessions", "kill_job", "reboot", "reset_links", "second_master"),
    *("kill_master", "kill_rsync", "wipe_work", "wipe_cache", "fill_disk", "flip_cached", "rot_cached"),
    *("rot_stored", "journal_cut", "journal_without_log"),
)
SECONDS = 120.0


@pytest.mark.containers
@pytest.mark.slow
def test_a_short_round_keeps_every_promise(tmp_path: Path) -> None:
    if os.getuid() != 0:
        missing("only root can mount the workers' disks and filter packets")
    chosen = Chosen(1, SECONDS, jobs=120, kinds=QUICK, runs=1, faults=12)
    try:
        report = play(chosen, tmp_path / "out", lambda _: None)
    except UnavailableError as error:
        missing(str(error))
    assert report.verdict.broken == [], as_text(report)
    assert len(report.kinds) >= 3 and report.jobs == 120
