"""What tests have started ends with whoever runs them, where nobody else ends it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STARTER = """\
import os, subprocess, sys
from tests.support.watcher import watched
watcher = watched(sys.argv[1])
environ = {**os.environ, "HOME": sys.argv[1] + "home"}
job = subprocess.Popen(["sleep", "300"], env=environ, start_new_session=True, stdout=subprocess.DEVNULL)
print(job.pid, flush=True)
sys.stdin.read()
watcher.communicate(b"no need")
"""


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("killed", [True, False])
def test_what_has_the_mark_ends_where_its_starter_was_killed_and_else_goes_on(
    tmp_path: Path, killed: bool
) -> None:
    argv = [sys.executable, "-c", STARTER, f"{tmp_path}/"]
    with subprocess.Popen(
        argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout
        job = int(starter.stdout.readline())
        if killed:
            starter.kill()
        starter.communicate(timeout=30)
    if not killed:
        assert starter.returncode == 0 and _runs(job)
        subprocess.run(["kill", str(job)], check=True)
    deadline = time.monotonic() + 30
    while _runs(job):
        assert time.monotonic() < deadline
        time.sleep(0.05)
