"""The Slurm of the tests is one: it queues, runs, outlives its controller, and leaves nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.processes import started_with
from tests.support.slurm import LocalSlurm, main
from tests.support.slurm_packages import slurm_programs

pytestmark = pytest.mark.slurm
ROOT = Path(__file__).parents[2]


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _submit(slurm: LocalSlurm, folder: Path, *options: str) -> str:
    where = (f"--chdir={folder}", "--output=/dev/null")
    return slurm.command("sbatch", "--parsable", *where, *options, "--wrap", "sleep 300").strip()


def test_each_node_runs_one_allocation_that_wants_it_whole_and_the_next_waits(
    slurm: LocalSlurm, tmp_path: Path
) -> None:
    ids = [_submit(slurm, tmp_path, "--exclusive") for _ in range(3)]
    _until(lambda: list(slurm.jobs().values()).count("RUNNING") == 2)
    assert [slurm.jobs()[each] for each in ids] == ["RUNNING", "RUNNING", "PENDING"]
    slurm.command("scancel", *ids)
    _until(lambda: not slurm.jobs())


@pytest.mark.usefixtures("slurm")  # skips where there is none
def test_what_runs_outlives_the_controller_and_nothing_outlives_the_end(tmp_path: Path) -> None:
    with LocalSlurm(tmp_path / "slurm", slurm_programs()) as slurm:
        job = _submit(slurm, tmp_path)
        _until(lambda: _sleeps(slurm.directory))  # Slurm says that it runs before all of it does
        assert slurm.jobs() == {job: "RUNNING"}
        slurm.stop_controller()
        before = slurm.steps()
        assert before
        slurm.start_controller()
        slurm.wait_for_controller()
        assert slurm.jobs() == {job: "RUNNING"}
        assert slurm.steps() == before
    assert not slurm.steps()


def test_calls_of_its_programs_are_counted(slurm: LocalSlurm) -> None:
    before = len(slurm.calls("squeue"))
    subprocess.run([slurm.bin / "squeue", "-h", "--format", "%i two words"], check=True)
    assert slurm.calls("squeue")[before:] == ["-h --format %i two words "]


@pytest.mark.usefixtures("slurm")  # skips where there is none
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_one_for_a_person_leaves_nothing_when_it_is_told_to_end(number: signal.Signals) -> None:
    argv = [sys.executable, "-m", "tests.support.slurm"]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as person:
        assert person.stdout
        told = [person.stdout.readline(), person.stdout.readline()]
        place = Path(told[1].partition("PATH=")[2].partition(":")[0]).parent
        assert place.is_dir()
        person.send_signal(number)
        assert person.wait(60) == 0
    assert not place.exists()
    assert not [args for args in _command_lines() if str(place) in args]


@pytest.mark.usefixtures("slurm")  # skips where there is none
def test_what_a_person_starts_in_that_terminal_outlives_it() -> None:
    argv = [sys.executable, "-m", "tests.support.slurm"]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as person:
        assert person.stdout
        told = [person.stdout.readline(), person.stdout.readline()]
        path = told[1].partition("PATH=")[2].partition(":")[0]
        environ = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}"}
        with subprocess.Popen(["cat"], env=environ, stdin=subprocess.PIPE) as editor:
            subprocess.run(["squeue"], env=environ, check=True, stdout=subprocess.DEVNULL)
            person.send_signal(signal.SIGTERM)
            assert person.wait(60) == 0
            assert editor.poll() is None
            editor.communicate()
            assert editor.returncode == 0


@pytest.mark.usefixtures("slurm")  # skips where there is none
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_whoever_has_started_one_and_is_killed(number: signal.Signals) -> None:
    """As a person, or pytest, which does nothing at a SIGTERM but die."""
    heedless = "import signal; signal.signal = lambda *_: None; from tests.support import slurm; slurm.main()"
    argv = [sys.executable, "-c", heedless]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as person:
        assert person.stdout
        told = [person.stdout.readline(), person.stdout.readline()]
        programs = Path(told[1].partition("PATH=")[2].partition(":")[0])
        submit = ["--chdir=/", "--output=/dev/null", "--wrap", "sleep 300"]
        subprocess.run([programs / "sbatch", *submit], check=True, stdout=subprocess.DEVNULL)
        _until(lambda: _sleeps(programs.parent))
        person.send_signal(number)
        assert person.wait(60) == -number
    _until(lambda: not _lines_of(programs.parent))
    shutil.rmtree(programs.parent)


def _sleeps(place: Path) -> bool:
    return any("sleep\x00300" in line for line in _lines_of(place))


def _lines_of(place: Path) -> list[str]:
    """Return the command lines of processes that were started with a place in a variable."""
    found = []
    for pid in started_with(str(place)):
        with suppress(OSError):
            found.append(Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace"))
    return found


def _command_lines() -> list[str]:
    """Return what all processes were started with, and the variables of those that are ours."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            found += [(entry / name).read_bytes().decode(errors="replace") for name in ("cmdline", "environ")]
    return found


@pytest.mark.parametrize(("word", "code", "said"), [("--help", 0, "two nodes"), ("3", 2, "unrecognized")])
def test_words_start_nothing(word: str, code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([word])
    told = capsys.readouterr()
    assert ended.value.code == code and said in told.out + told.err
