"""Whole runs over a real Slurm: seats beside a worker of the plain kind, and what happens to allocations."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from master.core.running.lifecycle import Trigger
from tests.support.runs import Run, going_on, search, verb
from tests.support.slurm import LocalSlurm
from tests.support.slurm_storm import check, pool, resuming, tries, weather
from tests.support.slurm_waiting import GIVE_UP_S, wait
from tests.support.sshd import LoopbackSshd

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(200)]
LOOK_S = 0.5


@pytest.fixture(autouse=True)
def own_place(slurm: LocalSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Slots of its own, quick looks at the queue, and nothing of ours left when the test ends."""
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    monkeypatch.setenv("TWOPHASE_AGENT_IDLE_S", "20")
    monkeypatch.setenv("TWOPHASE_QUEUE_LOOK_S", str(LOOK_S))
    monkeypatch.setenv("PATH", slurm.path)
    yield
    try:
        until(lambda: not slurm.jobs() and not slurm.steps())
    finally:
        if jobs := slurm.jobs():
            slurm.command("scancel", *jobs)


def until(is_so: Callable[[], object], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def has_begun(root: Path, count: int) -> bool:
    return sum(path.stat().st_size > 0 for path in (root / "shared").rglob("log.txt")) >= count


def test_the_search_on_two_seats_and_a_plain_worker_leaves_nothing(slurm: LocalSlurm, tmp_path: Path) -> None:
    plain = {"host": "localhost", "gpus": 0, "cpu_slots": 1, "state_dir": str(tmp_path / "plain")}
    run = Run(tmp_path, [plain], search(seconds=0.5), cluster={"pools": [pool(tmp_path)]})
    submitted, looked, begun = len(slurm.calls("sbatch")), len(slurm.calls("squeue")), time.monotonic()
    done = run.finish(timeout_s=180)
    assert done.returncode == 0, done.stdout + done.stderr
    looks = (time.monotonic() - begun) / LOOK_S
    assert len(slurm.calls("squeue")) - looked <= looks + 2  # one to begin with, one at the end
    run.check_complete(15, 3)
    used = {item.worker for item in run.transitions() if item.trigger is Trigger.START}
    assert "localhost" in used and used & {"hpc.1", "hpc.2"}, used
    calls = [call for call in slurm.calls("sbatch")[submitted:] if "--parsable" in call]
    assert len(calls) == len({call.partition("--job-name=")[2].split()[0] for call in calls}) <= 2


@pytest.mark.ssh
def test_the_login_host_may_be_another_whose_shell_greets_and_brings_slurm(
    slurm: LocalSlurm, tmp_path: Path, loopback_sshd: LoopbackSshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = f"echo Welcome to hpc; echo no module x >&2; export PATH={slurm.bin}:$PATH\n"
    (loopback_sshd.home / ".bash_profile").write_text(profile)
    monkeypatch.setenv("PATH", os.environ["PATH"].partition(":")[2])
    run = resuming(tmp_path, 2, 3, slurm=loopback_sshd.name)
    files = {name: str(path) for name, path in loopback_sshd.client.files.items()}
    run.write("cluster.json", {"pools": [pool(tmp_path, slurm=loopback_sshd.name)], **files})
    done = run.finish(timeout_s=120)
    assert done.returncode == 0, done.stdout + done.stderr
    check(run, 2)


@pytest.mark.ssh
def test_a_large_checkpoint_comes_home_though_its_allocation_has_ended(
    slurm: LocalSlurm, tmp_path: Path, loopback_sshd: LoopbackSshd
) -> None:
    profile = f"export PATH={slurm.bin}:$PATH\n"
    (loopback_sshd.home / ".bash_profile").write_text(profile)
    run = resuming(tmp_path, 1, 40)
    script = tmp_path / "code" / "train.py"
    large = 'open(kept + ".large", "wb").truncate(300 << 20)'
    script.write_text(script.read_text().replace("def stop(*_):\n", f"def stop(*_):\n    {large}\n"))
    files = {name: str(path) for name, path in loopback_sshd.client.files.items()}
    one = pool(tmp_path, slurm=loopback_sshd.name, seats=2, cpu_slots=1)
    run.write("cluster.json", {"pools": [one], **files})
    with going_on(run, "--retries", "0") as master:
        until(lambda: has_begun(tmp_path, 1))
        slurm.command("scancel", *slurm.jobs())
        said, _ = master.communicate(timeout=120)
        assert master.returncode == 0, said
    (first, second) = tries(run, 0)
    assert first[1] == 0 and second[1] > 0, (first, second)


def test_a_cancelled_allocation_costs_its_jobs_nothing_but_the_way_to_their_checkpoint(
    slurm: LocalSlurm, tmp_path: Path
) -> None:
    run = resuming(tmp_path, 4, 40)
    with going_on(run, "--retries", "0") as master:
        until(lambda: has_begun(tmp_path, 4))
        first = min(slurm.jobs())
        slurm.command("scancel", first)
        said, _ = master.communicate(timeout=180)
        assert master.returncode == 0, said
    check(run, 4)
    again = [each for each in (tries(run, number) for number in range(4)) if len(each) == 2]
    assert len(again) == 2 and all(each[1][1] > 0 for each in again)


def test_a_seat_that_was_removed_comes_back_to_its_run(slurm: LocalSlurm, tmp_path: Path) -> None:
    run = resuming(tmp_path, 1, 80, seats=1)
    with going_on(run) as master:
        until(lambda: has_begun(tmp_path, 1))
        verb(run, "remove-worker", "hpc.1", "--now")
        until(lambda: "hpc.1" not in verb(run, "workers"))
        assert not slurm.jobs()
        verb(run, "add-worker", "hpc.1", "--cluster-config", str(tmp_path / "cluster.json"))
        said, _ = master.communicate(timeout=120)
        assert master.returncode == 0, said
    (first, second) = tries(run, 0)
    assert first[1] == 0 and second[1] > 0, (first, second)


def test_a_controller_that_is_away_for_a_while_loses_and_doubles_nothing(
    slurm: LocalSlurm, tmp_path: Path
) -> None:
    run = resuming(tmp_path, 4, 80)
    submitted = len(slurm.calls("sbatch"))
    with going_on(run) as master:
        until(lambda: has_begun(tmp_path, 4))
        slurm.stop_controller()
        time.sleep(4)
        slurm.start_controller()
        slurm.wait_for_controller()
        said, _ = master.communicate(timeout=180)
        assert master.returncode == 0, said
    check(run, 4)
    assert sum("--parsable" in call for call in slurm.calls("sbatch")[submitted:]) == 2
    assert all(len(tries(run, number)) == 1 for number in range(4))


def test_a_killed_master_finds_its_allocations_again(slurm: LocalSlurm, tmp_path: Path) -> None:
    run = resuming(tmp_path, 4, 60)
    submitted = len(slurm.calls("sbatch"))
    with going_on(run) as master:
        until(lambda: has_begun(tmp_path, 4))
        os.killpg(master.pid, signal.SIGKILL)
        master.wait()
    with going_on(run) as again:
        said, _ = again.communicate(timeout=180)
        assert again.returncode == 0, said
    check(run, 4)
    assert sum("--parsable" in call for call in slurm.calls("sbatch")[submitted:]) == 2


def test_a_seat_that_waits_is_no_reason_to_give_up_and_is_explained(
    slurm: LocalSlurm, tmp_path: Path
) -> None:
    """It waits longer than silent workers are waited for; `scripts/slurm_waiting` does so for minutes."""
    told = wait(tmp_path, slurm, None, 2 * GIVE_UP_S)
    assert "waits in the queue and is expected to begin about" in told


@pytest.mark.ssh
def test_while_a_seat_waits_a_worker_over_ssh_goes_on_with_the_others(
    slurm: LocalSlurm, tmp_path: Path, loopback_sshd: LoopbackSshd
) -> None:
    assert "hpc.1 waits in the queue" in wait(tmp_path, slurm, loopback_sshd, 2 * GIVE_UP_S)


def test_whatever_happens_to_allocations_each_job_goes_on_and_is_recorded_once(
    slurm: LocalSlurm, tmp_path: Path
) -> None:
    """One that is preempted, a node that goes down, cancelled ones above; `scripts/slurm_storm` has more."""
    told = weather(tmp_path, slurm, ["preempt", "down"], seed=1, jobs=4, steps=80, settled_s=3.0)
    assert told.startswith("2 faults")
