"""Agents on machines whose `nvidia-smi` and `rocm-smi` are made up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.integration.agent_harness import PYTHON, Host, Master, is_alive, until
from tests.support.fake_gpus import GB, FakeGpus, gpu, stranger, uuid
from worker_agent.protocol import messages as msg
from worker_agent.protocol.events import Event
from worker_agent.protocol.outcome import Finished
from worker_agent.protocol.reports import Slots

SAY_GPU = "import os; print(os.environ['CUDA_VISIBLE_DEVICES'], os.environ['CUDA_DEVICE_ORDER'])"


WAIT = "import pathlib, time\nwhile not pathlib.Path({go!r}).exists(): time.sleep(0.01)"


def machine(host: Host, tmp_path: Path, gpus: Sequence[dict[str, Any]]) -> FakeGpus:
    fake = FakeGpus(tmp_path / "gpus", gpus)
    host.env.update(fake.env)
    return fake


def connect(host: Host, *gpus: str, **more: Any) -> Master:
    return host.connect(**{"gpus": list(gpus or ["auto"]), "gpu_idle_s": 0.0, **more})


def waiting(tmp_path: Path) -> tuple[str, Path]:
    """Return code that runs until a file is there, and the file."""
    go = tmp_path / "go"
    return WAIT.format(go=str(go)), go


def readings(fake: FakeGpus, more: int) -> None:
    """Wait for so many whole readings that begin from now on."""
    target = 2 * more + len(fake.calls()) + 2
    until(lambda: len(fake.calls()) >= target)


def notes(master: Master) -> list[str]:
    """Return what a master has been told of slots."""
    return [note for item in master.said(Slots) for note in item.notes]


def log_of(done: Finished) -> str:
    import base64

    assert done.inline is not None
    return base64.b64decode(done.inline[""]).decode().strip()


# --- what is found


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_all_gpus_are_found_and_each_job_gets_one_by_its_index(
    host: Host, tmp_path: Path, count: int
) -> None:
    machine(host, tmp_path, [gpu(index) for index in range(count)])
    master = connect(host)
    assert master.welcome.slots == [f"gpu{index}" for index in range(count)]
    master.launch("j", SAY_GPU)
    assert log_of(master.finished("j")) == "0 PCI_BUS_ID"
    other = connect(host, epoch=2, visible_gpus="uuid")
    other.launch("k", SAY_GPU)
    # The first GPU may still be giving back the memory of the job before.
    assert log_of(other.finished("k")) in {f"{uuid(index)} PCI_BUS_ID" for index in range(count)}


def test_without_gpus_there_are_cpu_slots(host: Host, tmp_path: Path) -> None:
    fake = machine(host, tmp_path, [])
    fake.set(say="No devices were found\n", code=6)
    master = connect(host, cpu_slots=2)
    assert (master.welcome.slots, master.welcome.gpu_bytes) == (["cpu0", "cpu1"], [])
    master.launch("j", "print('{}')", argv=["sh", "-c", 'echo "$0<$CUDA_VISIBLE_DEVICES>"', "{device}"])
    assert log_of(master.finished("j")) == "cpu<>"


def test_kinds_may_be_mixed_and_a_job_goes_where_it_fits(host: Host, tmp_path: Path) -> None:
    machine(host, tmp_path, [gpu(0, 8), gpu(1, 80, "NVIDIA H100"), gpu(2, None)])
    master = connect(host)
    sizes = master.welcome.gpu_bytes
    assert [round(size / GB) for size in sizes] == [7, 79, 0]
    master.launch("j", SAY_GPU, gpu_bytes=40 * GB)
    assert master.finished("j").slot == "gpu1.m0-32"


def test_gpus_cut_into_mig_devices_and_what_is_lost_are_left_alone(host: Host, tmp_path: Path) -> None:
    lost = dict.fromkeys(gpu(0), "[GPU is lost]")
    machine(host, tmp_path, [gpu(0, mig="Enabled"), lost, gpu(2)])
    assert connect(host).welcome.slots == ["gpu2"]


def test_a_driver_that_knows_no_mig(host: Host, tmp_path: Path) -> None:
    machine(host, tmp_path, [gpu(0)]).set(old=True)
    assert connect(host).welcome.slots == ["gpu0"]


def test_rocm(host: Host, tmp_path: Path) -> None:
    fake = machine(host, tmp_path, [])
    (fake.bin / "nvidia-smi").unlink()
    card = {"Card Series": "MI100", "VRAM Total Memory (B)": str(32 * GB), "VRAM Total Used Memory (B)": "9"}
    fake.program("rocm-smi", f"print({json.dumps({'card0': card, 'card1': card})!r})")
    master = connect(host, "1")
    assert (master.welcome.slots, master.welcome.gpu_bytes) == (["gpu1"], [31 * GB])
    master.launch("j", SAY_GPU)
    assert log_of(master.finished("j")) == "1 PCI_BUS_ID"


@pytest.mark.parametrize(
    ("gpus", "changes", "reason"),
    [
        (["0", "5"], {}, "there is no GPU 5; nvidia-smi knows 0 (NVIDIA RTX 4090, GPU-"),
        (["auto"], {"hang": True}, "nvidia-smi does not answer within 0.5 s"),
        (["0"], {"say": "NVIDIA-SMI has failed\n", "code": 9}, "nvidia-smi failed (exit code 9): NVIDIA-SMI"),
        (["auto"], {"say": "\x00\x01 garbage, , ,\n"}, "nvidia-smi failed (exit code 0)"),
        (["auto"], {"say": ""}, "it said nothing"),
    ],
)
def test_a_worker_whose_gpus_are_not_as_they_should_says_why(
    host: Host, tmp_path: Path, gpus: list[str], changes: dict[str, Any], reason: str
) -> None:
    machine(host, tmp_path, [gpu(0)]).set(**changes)
    if "hang" in changes:
        host.env["TWOPHASE_GPU_QUERY_S"] = "0.5"
    refused = connect(host, *gpus).greeting
    assert isinstance(refused, msg.Refused) and reason in refused.reason


# --- who gets what


def test_jobs_share_a_gpu_by_memory_and_runs_share_it_too(host: Host, tmp_path: Path) -> None:
    machine(host, tmp_path, [gpu(0, 65)])
    code, go = waiting(tmp_path)
    first, second = connect(host), connect(host, run_id="r2")
    first.launch("a", code, gpu_bytes=15 * GB)
    first.launch("b", code, gpu_bytes=15 * GB)
    assert first.wait_event("running", "a").detail.slot == "gpu0.m0-15"
    assert first.wait_event("running", "b").detail.slot == "gpu0.m16-31"
    second.wait(lambda item: isinstance(item, Slots) and item.held_by_others == 0.5)
    second.launch("c", code, gpu_bytes=30 * GB)
    second.launch("d", SAY_GPU)
    assert second.wait_event("running", "c").detail.slot == "gpu0.m32-62"
    go.touch()
    assert second.finished("d").slot == "gpu0"
    assert notes(second) == []


def test_slots_per_gpu(host: Host, tmp_path: Path) -> None:
    machine(host, tmp_path, [gpu(0), gpu(1)])
    master = connect(host, slots_per_gpu=2)
    assert master.welcome.slots == ["gpu0.m0-31", "gpu0.m32-63", "gpu1.m0-31", "gpu1.m32-63"]
    code, go = waiting(tmp_path)
    for name in "abcd":
        master.launch(name, code)
    slots = {str(master.wait_event("running", name).detail.slot) for name in "abcd"}
    assert slots == set(master.welcome.slots)
    go.touch()


def test_a_gpu_in_use_by_somebody_else_is_left_alone(host: Host, tmp_path: Path) -> None:
    fake = machine(host, tmp_path, [gpu(0), gpu(1)])
    with stranger() as pid:
        fake.use(0, pid, 5 * GB)
        master = connect(host)
        assert master.welcome.held_by_others == 1.0
        master.launch("a", SAY_GPU)
        assert master.finished("a").slot == "gpu1"
        fake.use(1, pid, 5 * GB)
        # One after the other where the tool was asked for the memory before, and for the processes after.
        taken = f"gpu1 is left alone: in use by process {pid} of"
        master.wait(
            lambda _: "gpu0 is used again" in notes(master) and any(taken in note for note in notes(master))
        )
        fake.use(0, pid, 5 * GB)
    master.launch("b", SAY_GPU)
    assert master.finished("b").outcome == "succeeded"


def test_a_slot_is_given_out_again_only_when_the_memory_is_free(host: Host, tmp_path: Path) -> None:
    fake = machine(host, tmp_path, [gpu(0)])
    master = connect(host)
    code, go = waiting(tmp_path)
    master.launch("a", code)
    master.wait_event("running", "a")
    # Before it runs, this would be somebody else's memory.
    fake.set(gpus=[gpu(0, used_mib=9000)])
    go.touch()
    assert master.finished("a").outcome == "succeeded"
    master.launch("b", "pass")
    readings(fake, 2)
    master.settle()
    assert not [item for item in master.said(Event) if (item.kind, item.job_id) == ("running", "b")]
    fake.set(gpus=[gpu(0)])
    assert master.finished("b").outcome == "succeeded"


def test_the_memory_of_a_job_is_told(host: Host, tmp_path: Path) -> None:
    fake = machine(host, tmp_path, [gpu(0)])
    code, go = waiting(tmp_path)
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    master = connect(host)
    master.launch("a", child)
    pid = int(master.wait_event("running", "a").detail.pid)
    until(lambda: _children(pid))
    for process in (pid, *_children(pid)):
        fake.use(0, process, 2**30)
    readings(fake, 1)
    go.touch()
    assert master.finished("a").peak_gpu_bytes == 2**31


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_gpu_that_falls_off_the_bus_loses_its_jobs_and_no_others(host: Host, tmp_path: Path) -> None:
    fake = machine(host, tmp_path, [gpu(0), gpu(1)])
    code, go = waiting(tmp_path)
    master = connect(host)
    master.launch("a", code)
    master.launch("b", code)
    assert master.wait_event("running", "a").detail.slot == "gpu0"
    fake.set(gpus=[gpu(1)], code=15)
    lost = master.finished("a")
    assert lost.outcome == "lost" and "GPU of slot gpu0 is gone" in str(lost.error)
    go.touch()
    assert master.finished("b").outcome == "succeeded"
    master.launch("a", SAY_GPU, attempt=2)
    assert master.finished("a", 2).slot == "gpu1"
    again = connect(host, epoch=2)
    assert again.welcome.held_by_others == 1.0, "it is closed, and the worker goes on"


def test_a_tool_that_hangs_later_stops_no_job(host: Host, tmp_path: Path) -> None:
    fake = machine(host, tmp_path, [gpu(0), gpu(1)])
    host.env["TWOPHASE_GPU_QUERY_S"] = "2"
    master = connect(host)
    fake.set(hang=True)
    master.launch("a", "pass")
    assert master.finished("a").outcome == "succeeded"
    until(lambda: "what was last seen stays true" in host.layout().log.read_text())
    master.launch("b", SAY_GPU)
    assert master.finished("b").slot == "gpu1"


def test_a_tool_that_hangs_ends_with_the_agent(host: Host, tmp_path: Path) -> None:
    fake = machine(host, tmp_path, [gpu(0)])
    tool = os.fsencode(tmp_path / "gpus" / "bin" / "nvidia-smi")

    def asked() -> list[Path]:
        return [path for path in Path("/proc").glob("[0-9]*/cmdline") if tool in _text(path)]

    master = connect(host)
    fake.set(hang=True)
    until(asked)
    pid = host.agent_pid()
    master.leave()
    os.kill(pid, signal.SIGTERM)
    until(lambda: not is_alive(pid))
    assert asked() == []


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


# --- the command that tells


def gpus_command(host: Host, *flags: str) -> subprocess.CompletedProcess[str]:
    argv = [PYTHON, "-m", "worker_agent", "gpus", *flags]
    return subprocess.run(argv, env=host.env, capture_output=True, text=True, check=False, timeout=60)


def test_the_command_tells_what_is_seen_and_what_would_be_done(host: Host, tmp_path: Path) -> None:
    fake = machine(host, tmp_path, [gpu(0), gpu(1), gpu(2, mig="Enabled"), gpu(3)])
    with stranger() as pid:
        fake.use(1, pid, 5 * GB)
        said = gpus_command(host)
        told = json.loads(gpus_command(host, "--json", "--gpus", "0,1", "--slots-per-gpu", "2").stdout)
    assert said.returncode == 0
    lines = said.stdout.splitlines()
    assert lines[0] == "nvidia-smi: 4 GPUs" and lines[-1] == "slots: gpu0 gpu1 gpu3"
    assert lines[1].endswith(f"{uuid(0)}  0.3 GB of 24.0 GB in use  used")
    assert f"left alone: in use by process {pid} of " in lines[2]
    assert lines[3].endswith("left alone: cut into MIG devices")
    assert told["slots"] == ["gpu0.m0-31", "gpu0.m32-63", "gpu1.m0-31", "gpu1.m32-63"]
    assert told["gpus"][3]["state"] == "left alone: not in the settings"
    assert told["gpus"][1]["processes"] == [pid]


def test_the_command_says_what_is_wrong(host: Host, tmp_path: Path) -> None:
    machine(host, tmp_path, [gpu(0)])
    said = gpus_command(host, "--gpus", "2")
    assert said.returncode == 1 and "there is no GPU 1; nvidia-smi knows 0" in said.stderr
    told = gpus_command(host, "--json", "--gpus", "1,")
    assert (told.returncode, told.stderr) == (1, "")
    assert json.loads(told.stdout)["problem"].startswith("there is no GPU 1;")
    wrong = gpus_command(host, "--slots-per-gpu", "0")
    assert wrong.returncode == 1 and "allowed are 1 to 64" in wrong.stderr


def test_the_harness_hides_the_machine_s_own_tools(host: Host, tmp_path: Path) -> None:
    fake = machine(host, tmp_path, [])
    (fake.bin / "nvidia-smi").unlink()
    assert json.loads(gpus_command(host, "--json").stdout)["tool"] is None
