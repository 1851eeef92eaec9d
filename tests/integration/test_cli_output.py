"""What the real command prints, and where."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.agent_harness import until
from tests.support.runs import Run, search


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A small search on this machine."""
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    monkeypatch.setenv("TWOPHASE_AGENT_IDLE_S", "20")
    worker = {"host": "localhost", "gpus": 0, "cpu_slots": 2, "state_dir": str(tmp_path / "state")}
    return Run(tmp_path, [worker], search(folds=1))


def files_below(folder: Path) -> dict[Path, tuple[bytes, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def processes_in(folder: Path) -> list[Path]:
    """Return the processes whose command names a folder."""
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if os.fsencode(folder) in command.read_bytes():
                found.append(command)
    return found


def test_quiet_says_nothing_when_all_is_well_but_to_the_log(run: Run) -> None:
    log = run.root / "logs" / "run.log"
    done = run.finish("--quiet", "--log-file", str(log))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert log.read_text().count("finished  ") == 6


def test_json_is_all_that_is_on_standard_output(run: Run) -> None:
    jobs = search(folds=1)
    jobs[0]["lr"] = "not a number"
    jobs[0]["prefix"] = "broken"
    run.write("jobs.json", jobs)
    done = run.finish("--json", "--retries", "0")
    outcome = json.loads(done.stdout)
    assert done.returncode == outcome["exit_code"] == 1
    assert "1 blocked" in done.stderr


def test_a_dry_run_after_a_run_changes_no_file(run: Run) -> None:
    assert run.finish("--quiet").returncode == 0
    # The agent removes its files and ends.
    until(lambda: not processes_in(run.root / "state"))
    before = files_below(run.root)
    done = run.finish("--dry-run", "--json")
    plan = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert plan["base_models"]["to_train"] == [] and len(plan["base_models"]["in_store"]) == 1
    assert plan["workers"][0]["reachable"] is True
    assert files_below(run.root) == before


@pytest.mark.parametrize("flags", [(), ("--json",), ("--dry-run",)], ids=str)
def test_a_reader_that_left_changes_nothing(run: Run, flags: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        run.argv(*flags), env=run.environ(), stdout=writer, stderr=subprocess.PIPE, text=True, timeout=120
    )
    os.close(writer)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr
    if "--dry-run" not in flags:
        run.check_complete(jobs=5, base_models=1)


@pytest.mark.parametrize("streams", [">&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full"])
@pytest.mark.parametrize("flags", [(), ("--dry-run",)], ids=str)
def test_streams_that_are_closed_or_full_change_nothing(
    run: Run, streams: str, flags: tuple[str, ...]
) -> None:
    argv = ["sh", "-c", f'exec "$@" {streams}', "sh", *run.argv(*flags)]
    done = subprocess.run(argv, env=run.environ(), stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert ("standard output cannot be written: No space left" in done.stderr) == (streams == ">/dev/full")
    if not flags:
        run.check_complete(jobs=5, base_models=1)


def test_a_terminal_without_umlauts_is_no_obstacle(run: Run) -> None:
    run.env = {"PYTHONIOENCODING": "ascii"}
    jobs = search(folds=2, participants=["ännchen", "bert", "ümit"])
    run.write("jobs.json", jobs)
    done = run.finish("--json", "--dry-run")
    assert done.returncode == 0 and "ännchen" in str(json.loads(done.stdout)), done.stderr
    done = run.finish("--dry-run")
    assert done.returncode == 0 and "\\xe4nnchen" in done.stdout, done.stderr


def test_the_environment_of_jobs_is_written_nowhere_on_the_head_node(run: Run) -> None:
    token = "s3cr3t-t0ken"
    script = run.root / "src" / "train.py"
    script.parent.mkdir()
    script.write_text("import os, sys\nsys.exit(len(os.environ['API_TOKEN']) != 12)\n")
    run.script = script
    run.write("cluster.json", {"servers": [*run.servers], "env": {"API_TOKEN": token}})
    run.write("jobs.json", {"jobs": [{"lr": 1}], "base_model": False})
    done = run.finish("--log-file", str(run.root / "run.log"))
    assert done.returncode == 0, done.stdout + done.stderr
    seen = [done.stdout.encode(), done.stderr.encode(), (run.root / "run.log").read_bytes()]
    seen += [content for content, _ in files_below(run.layout.root).values()]
    assert not any(token.encode() in text for text in seen)
