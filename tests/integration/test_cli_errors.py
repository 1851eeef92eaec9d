"""Bad input is one clear message: nothing is started and no file is made, changed or touched."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from master.commands import run_two_phase
from master.runs import agents, worker_check
from master.runs.run_lock import exclusive
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from tests.support.courier_world import put

PEOPLE = ["p1", "p2", "p3"]
JOB: dict[str, Any] = {"participants": PEOPLE, "fold": 0, "mode": "full_fine_tuning"}
SERVER: dict[str, Any] = {"host": "localhost", "gpus": 0, "cpu_slots": 1}


class Place:
    """A folder with good input, of which a test spoils a part."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.run = root / "run"
        self.cluster, self.jobs, self.script = (
            root / n for n in ("cluster.json", "jobs.json", "src/train.py")
        )
        self.script.parent.mkdir()
        self.script.write_text("print('trained')\n")
        self.write_cluster()
        self.write_jobs([JOB])

    def write_cluster(self, *servers: dict[str, Any], **settings: Any) -> None:
        state_dir = str(self.root / "state")
        self.cluster.write_text(
            json.dumps({"servers": servers or [SERVER], "state_dir": state_dir, **settings})
        )

    def write_jobs(self, value: Any) -> None:
        self.jobs.write_text(value if isinstance(value, str) else json.dumps(value))

    def argv(self, *flags: str, script: bool = True) -> list[str]:
        given = ["--cluster-config", str(self.cluster), "--jobs-config", str(self.jobs)]
        given += ["--script-path", str(self.script)] if script else []
        return [*given, "--run-dir", str(self.run), *flags]

    def snapshot(self) -> dict[str, tuple[bytes, int]]:
        """Return the content and time of every file, and the time of every directory."""
        found = [path for path in sorted(self.root.rglob("*")) if not path.is_symlink()]
        return {
            str(path): (path.read_bytes() if path.is_file() else b"", path.stat().st_mtime_ns)
            for path in found
        }


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker may be called."""

    def refuse(*_: object) -> None:
        raise AssertionError("a worker was called")

    for module in (agents, worker_check):
        monkeypatch.setattr(module, "open_session", refuse)


def refused(
    place: Place, capsys: pytest.CaptureFixture[str], *flags: str, script: bool = True
) -> tuple[int, str]:
    """Run the command, which must change nothing; return its exit code and its message."""
    before = place.snapshot()
    try:
        code = run_two_phase.main(place.argv(*flags, script=script))
    except SystemExit as leaving:
        assert isinstance(leaving.code, int)
        code = leaving.code
    out, err = capsys.readouterr()
    assert place.snapshot() == before
    assert "Traceback" not in err and out == ""
    return code, err


DEEP = "[" * 200 + "]" * 200
JOBS = {
    "malformed JSON": ('[{"fold": 0,]', r"jobs\.json: line 1"),
    "empty file": ("", "the file is empty"),
    "no jobs": ([], "there are no jobs: give at least one"),
    "a duplicate key": ('[{"lr": 1, "lr": 2}]', r"jobs\.json: .*line 1.*lr"),
    "NaN": ('[{"lr": NaN}]', r"\[0\]\.lr \(line 1\): is NaN, infinite or too large"),
    "infinity": ('[{"lr": -Infinity}]', r"\[0\]\.lr \(line 1\): is NaN, infinite or too large"),
    "a number too large": ('[{"lr": 1e999}]', "is NaN, infinite or too large"),
    "an integer too large": (
        '[{"lr": 123456789012345678901234567890}]',
        r"out of range: allowed are whole numbers from -2\*\*63",
    ),
    "too deep": (DEEP, "deep"),
    "not UTF-8": (None, "UTF-8"),
    "an unknown key": ({"jbos": [JOB]}, r"`jbos` is unknown: did you mean `jobs`\?"),
    "fold outside": ([{**JOB, "fold": 3}], r"jobs\.json: job 1 \(line 1\): `fold` is 3, allowed are 0 to 2"),
    "too many base participants": ([{**JOB, "n_base_participants": 3}], "allowed are 'all' and 1 to 2"),
    "a share above 1": ([{**JOB, "target_batch_pct": 1.5}], r"`target_batch_pct` is `1\.5`, allowed are"),
    "a share below 0": ([{**JOB, "target_data_pct": -0.1}], r"`target_data_pct` is `-0\.1`, allowed are"),
    "an id that climbs": ([{**JOB, "id": "../x"}], "`id` is .*: allowed are letters, digits"),
    "an id with a newline": ([{**JOB, "id": "a\nb"}], "`id` is .*: allowed are letters, digits"),
    "an id of 300 characters": ([{**JOB, "id": "x" * 300}], "100 at most"),
    "an id twice": ([{**JOB, "id": "a"}, {**JOB, "fold": 1, "id": "a"}], "job 1 has the id `alpha/a`"),
    "a prefix that climbs": ([{**JOB, "prefix": "a/../../b"}], "`prefix` is .*: allowed are letters"),
    "nobody to train a base model on": ([{**JOB, "participants": ["p1"]}], "has nobody but the target"),
    "a base model of no field": (
        {"jobs": [JOB], "base_model": {"include": ["learning_rate"]}},
        "no job has the field `learning_rate`",
    ),
    "a timeout of nothing": ([{**JOB, "timeout": 0}], "job 1: `timeout` is `0`, allowed are "),
    "a timeout in words": (
        [JOB, {**JOB, "fold": 1, "timeout": "soon"}],
        "job 2: `timeout` is .*, allowed are ",
    ),
    "a stall timeout below 0": (
        [{**JOB, "stall_timeout": -5}],
        "job 1: `stall_timeout` is `-5`, allowed are ",
    ),
    "retries of a job": ([{**JOB, "retries": 3}], "job 1: `retries` is kept for a setting of the job"),
    "a GPU share": ([{**JOB, "gpu_memory": "many"}], 'job 1: `gpu_memory` is `"many"`, allowed is '),
    "an executor": ([{**JOB, "executor": "wram"}], 'job 1: `executor` is `"wram"`: did you mean `warm`?'),
}


@pytest.mark.parametrize(("jobs", "says"), JOBS.values(), ids=JOBS)
@pytest.mark.parametrize("dry", [True, False], ids=["dry", "real"])
def test_bad_jobs(place: Place, capsys: pytest.CaptureFixture[str], jobs: Any, says: str, dry: bool) -> None:
    place.write_jobs(jobs)
    if jobs is None:
        place.jobs.write_bytes(b'[{"name": "\xff"}]')
    code, err = refused(place, capsys, *(["--dry-run"] if dry else []))
    assert code == 3
    assert err.startswith(f"run_two_phase: {place.jobs}: ")
    assert re.search(says, err), err


CLUSTERS = {
    "a host twice with clashing slots": (
        [{"host": "lab1", "gpus": 1}, {"host": "lab1", "gpus": 2}],
        r"servers\[1\] \(line 1\): lab1 is listed as servers\[0\] with GPUs 0 and here with GPUs 0, 1",
    ),
    "a host twice": ([SERVER, SERVER], "localhost is listed twice"),
    "an unknown key": ([{"host": "lab1", "gups": 1}], r"`gups` is unknown: did you mean `gpus`\?"),
    "an option for a host": ([{"host": "-oProxyCommand=touch x", "gpus": 1}], "is not a host"),
    "a command for a user": ([{"host": "lab1", "gpus": 1, "user": "$(id)"}], "is not a user"),
    "a port too large": ([{"host": "lab1", "gpus": 1, "port": 70000}], "from 1 to 65535"),
    "a relative state directory": ([{**SERVER, "state_dir": "state"}], "must begin with / or ~/"),
    "data that climbs": ([{**SERVER, "data": {"../x": "/x"}}], r"must be a relative path without `\.\.`"),
    "data that is not here": (
        [{**SERVER, "data": {"d": {"sync": "gone"}}}],
        "data.d: .*/gone is no directory",
    ),
}


@pytest.mark.parametrize(("servers", "says"), CLUSTERS.values(), ids=CLUSTERS)
def test_bad_clusters(
    place: Place, capsys: pytest.CaptureFixture[str], servers: list[dict[str, Any]], says: str
) -> None:
    place.write_cluster(*servers)
    code, err = refused(place, capsys)
    assert code == 3
    assert err.startswith(f"run_two_phase: {place.cluster}: ")
    assert re.search(says, err), err


def test_bad_yaml(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.jobs = place.root / "jobs.yaml"
    for text in ("- lr: .nan\n", "- lr: 1\n  lr: 2\n", "- {lr: 1\n", "- lr: !!python/object:os.system x\n"):
        place.jobs.write_text(text)
        code, err = refused(place, capsys)
        assert code == 3 and f"{place.jobs}: " in err and "line " in err, err


@pytest.mark.parametrize("name", ["cluster", "jobs"])
def test_files_that_cannot_be_read(place: Place, capsys: pytest.CaptureFixture[str], name: str) -> None:
    path: Path = getattr(place, name)
    path.unlink()
    assert refused(place, capsys)[0] == 3
    path.mkdir()
    code, err = refused(place, capsys)
    assert code == 3 and str(path) in err


def no_script(place: Place) -> None:
    place.script.unlink()


def no_program(place: Place) -> None:
    place.script = place.script.rename(place.script.with_suffix(".txt"))


def too_much_code(place: Place) -> None:
    for number in range(27):
        with (place.script.parent / f"{number}.bin").open("wb") as stream:
            stream.truncate(10 * 2**20)


SCRIPTS: dict[str, tuple[Callable[[Place], None], str]] = {
    "missing": (no_script, "there is no such script"),
    "no program": (no_program, "neither a .py file nor executable"),
    "among too much": (too_much_code, "MiB of files lie beside the script"),
}


@pytest.mark.parametrize(("spoil", "says"), SCRIPTS.values(), ids=SCRIPTS)
def test_bad_scripts(
    place: Place, capsys: pytest.CaptureFixture[str], spoil: Callable[[Place], None], says: str
) -> None:
    spoil(place)
    code, err = refused(place, capsys)
    assert code == 3 and says in err, err


def test_a_script_in_the_config_may_begin_with_a_tilde(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(place.root))
    place.write_cluster(script_path="~/src/gone.py")
    code, err = refused(place, capsys, script=False)
    assert (code, f"{place.root}/src/gone.py" in err) == (3, True), err


def test_a_script_that_does_not_parse(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.script.write_text("import sys\nprint('here'\n")
    code, err = refused(place, capsys)
    assert code == 3 and re.search(
        r"src/train\.py: line 2: does not parse as Python 3\.\d+\.\d+: .*closed", err
    )


FLAGS: dict[str, tuple[list[str], str]] = {
    "unknown flag": (["--frobnicate"], "unrecognized arguments"),
    "bad retries": (["--retries", "-1"], "invalid number of tries"),
    "bad lease": (["--lease", "nan"], "invalid number of seconds"),
    "script and trainer": (["--trainer", "personalization"], "not allowed with argument"),
    "base models are missing": (["--skip-phase1"], r"--skip-phase1: 1 of 1 base models are not in the store"),
    "log file is a directory": (["--log-file", "/"], "--log-file /: Is a directory"),
    "log file below a file": (["--log-file", "/dev/null/x"], "--log-file /dev/null/x: "),
    "run directory below a file": (["--run-dir", "/dev/null/x"], "/dev/null/x"),
}


@pytest.mark.parametrize(("flags", "says"), FLAGS.values(), ids=FLAGS)
def test_bad_command_lines(
    place: Place, capsys: pytest.CaptureFixture[str], flags: list[str], says: str
) -> None:
    code, err = refused(place, capsys, *flags)
    assert code == 2
    assert re.search(says, err), err


def test_an_unknown_trainer(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    code, err = refused(place, capsys, "--trainer", "personalisation", script=False)
    assert code == 2 and "did you mean `personalization`?" in err


def test_a_field_that_the_trainer_does_not_know(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.write_jobs([{**JOB, "batch_siez": 3, "timeout": 5}])
    code, err = refused(place, capsys, script=False)
    assert code == 3 and "`batch_siez` is no flag of the script: did you mean `batch_size`?" in err


def test_a_second_master(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    with exclusive(RunLayout(place.run)):
        code, err = refused(place, capsys)
    assert code == 2
    assert f"another run_two_phase is working in {place.run}: process {os.getpid()} on " in err


def test_a_result_of_others(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    put(place.run / "experiments" / "alpha" / "fold0_p1", {"metrics.json": "{}"})
    code, err = refused(place, capsys)
    assert code == 3 and "exists and is not from this run; nothing is ever written over" in err


@pytest.mark.parametrize("content", ["", "no database at all " * 100])
def test_a_journal_that_is_none(place: Place, capsys: pytest.CaptureFixture[str], content: str) -> None:
    put(place.run / ".twophase", {"journal.sqlite": content})
    code, err = refused(place, capsys, "--skip-phase1")
    assert code == (3 if content else 2)
    assert ("journal.sqlite: cannot be used as a journal" in err) == bool(content)


def test_a_journal_that_was_emptied_though_there_are_results(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    put(place.run / "experiments" / "alpha" / "fold0_p1", {"metrics.json": "{}"})
    put(place.run / ".twophase", {"journal.sqlite": ""})
    code, err = refused(place, capsys)
    assert code == 3
    says = (
        f"{place.run}/.twophase/journal.sqlite, which should tell whose it is, is empty (0 bytes): put back"
    )
    assert says in err


def test_an_id_that_an_earlier_job_has(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    layout = RunLayout(place.run)
    with closing(Journal(layout.journal)) as journal:
        journal.remember_jobs({"0" * 32: "alpha/mine"})
        place.write_jobs([{**JOB, "id": "mine"}])
        code, err = refused(place, capsys)
    assert code == 3 and "`id` is `alpha/mine`, which an earlier job with other fields has" in err
