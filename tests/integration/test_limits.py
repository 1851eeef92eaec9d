"""A real agent ends jobs that take more than they may, with real processes."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.integration.agent_harness import WAIT_FOR_FILE, Host, end, is_alive, until
from tests.support.runaways import BOMB
from worker_agent.protocol.outcome import Finished
from worker_agent.protocol.terms import CGROUP, SCOPE, WATCHED, JobLimits

MB = 10**6
HOG = "import time; held = b'x' * 300_000_000; time.sleep(60)"
WRITER = """
import os, time
with open(os.environ["TWOPHASE_OUTPUT_DIR"] + "/big", "wb", buffering=0) as stream:
    for _ in range(50):
        stream.write(b"x" * 1_000_000)
        time.sleep(0.02)
time.sleep(60)
"""
QUICK_WRITER = "import os; open(os.environ['TWOPHASE_OUTPUT_DIR'] + '/big', 'wb').write(b'x' * 50_000_000)"
SCRATCH_WRITER = "import time; open('big.bin', 'wb').write(b'x' * 50_000_000); time.sleep(60)"


def ended(host: Host, code: str, limits: JobLimits, **more: object) -> Finished:
    master = host.connect(kill_grace_s=30.0)
    assert master.welcome.facts.limits in (CGROUP, SCOPE, WATCHED)
    master.launch("a", code, limits=limits, **more)
    return master.finished("a")


@pytest.mark.parametrize("executor", ["process", "warm"])
def test_a_hog_of_300_mb_ends_at_100(host: Host, executor: str) -> None:
    done = ended(host, HOG, JobLimits(memory_bytes=100 * MB), executor=executor)
    assert (done.outcome, done.exit_code) == ("over_limit", -9)
    assert done.error and done.error.startswith("over its limit of memory: its processes took ")
    assert "allowed are 100.0 MB; raise `memory` in its `limits`" in done.error
    assert done.duration_s and done.duration_s < 20.0


def test_a_bomb_of_30_processes_ends_at_10(host: Host) -> None:
    done = ended(host, BOMB, JobLimits(processes=10))
    assert done.outcome == "over_limit"
    assert done.error and done.error.startswith("over its limit of processes: it had ")


@pytest.mark.parametrize("code", [WRITER, QUICK_WRITER, SCRATCH_WRITER], ids=["slow", "quick", "beside"])
def test_a_writer_of_50_mb_ends_at_10(host: Host, code: str) -> None:
    done = ended(host, code, JobLimits(output_bytes=10 * MB), output_from=".")
    assert done.outcome == "over_limit"
    assert done.error and done.error.startswith("over its limit of output: it wrote ")


def test_a_job_within_its_limits_is_a_success_and_a_thread_s_is_a_process(host: Host) -> None:
    done = ended(host, "print('fine')", JobLimits(500 * MB, 10, MB), executor="thread")
    assert (done.outcome, done.executor) == ("succeeded", "process")
    assert done.executor_note.startswith("its limits need a process")


def test_the_next_agent_keeps_the_limits_of_what_it_adopts(host: Host, tmp_path: Path) -> None:
    go = tmp_path / "go"
    master = host.connect()
    master.launch(
        "a", WAIT_FOR_FILE.format(path=str(go)) + "\n" + HOG, limits=JobLimits(memory_bytes=100 * MB)
    )
    pid = master.wait_event("running", "a").detail.pid
    master.settle()
    end(host.agent_pid(), signal.SIGKILL)
    assert is_alive(pid)
    again = host.connect(epoch=2)
    go.touch()
    done = again.finished("a")
    assert done.outcome == "over_limit" and done.error and "limit of memory" in done.error
    until(lambda: not is_alive(pid))
