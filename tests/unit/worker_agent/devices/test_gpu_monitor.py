"""How readings of the GPUs reach the core, and when the next one is due."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.worker_agent.fakes import Locks, Workers
from tests.unit.worker_agent.gpu_data import GB, gpu, reading
from worker_agent.core import commands as cmd
from worker_agent.core import transitions
from worker_agent.core.execution import Exit
from worker_agent.core.shares import usual_slots
from worker_agent.core.state import AgentState
from worker_agent.devices import gpu_monitor
from worker_agent.devices.gpu_monitor import GpuMonitor, GpusRead
from worker_agent.devices.gpus import GpuError, GpuProcess, Reading
from worker_agent.protocol.events import Ticks
from worker_agent.protocol.messages import Launch, Settings
from worker_agent.protocol.reports import Slots

AUTO = Settings(gpus=["auto"])


class Machine:
    """GPUs as a test has them, the clock, and an agent that looks at them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.seen = 0.0, reading(gpu(0), gpu(1))
        self.problem: str | None = None
        self.said: list[str] = []
        self.state, self.locks, self.workers = AgentState(), Locks(), Workers()
        self.sessions: dict[int, int] = {}
        monkeypatch.setattr(gpu_monitor.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(gpu_monitor, "read_gpus", self._read)
        processes = gpu_monitor.processes
        monkeypatch.setattr(processes, "session_of", lambda pid: self.sessions.get(pid))
        monkeypatch.setattr(processes, "environment_has", lambda pid, mark, whole=True: False)
        monkeypatch.setattr(processes, "owner_of", lambda pid: None)
        self.monitor = GpuMonitor(self.state, self.locks, self.workers, self.said.append)  # type: ignore[arg-type]

    def begin(self, settings: Settings = AUTO) -> None:
        devices = self.monitor.devices(settings)
        transitions.on_hello(self.state, devices)
        self.monitor.look_at_locks()
        self.state.outbox.clear()

    def _read(self) -> Reading | None:
        if self.problem is not None:
            raise GpuError(self.problem)
        return self.seen

    def look(self, seen: Reading | None = None) -> None:
        """Let the time for a reading come, and be over."""
        self.seen = seen or self.seen
        self.now += 10.0
        self.monitor.look()
        self.answer()

    def answer(self) -> None:
        for item in self.workers.answers():
            assert isinstance(item, GpusRead)
            self.monitor.on_read(item)

    def run(self, job_id: str) -> None:
        transitions.on_launch(self.state, Launch(job_id, 1, 2, ["x"]), 0.0)
        transitions.on_started(self.state, (job_id, 1), 70, Ticks(5, 6), 0.0)

    def end(self, job_id: str) -> None:
        transitions.on_exit(self.state, Exit((job_id, 1), 0, None, 1.0), 1.0)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_without_gpus_there_are_cpu_slots_and_nothing_to_read(machine: Machine) -> None:
    machine.begin(Settings(cpu_slots=2))
    assert list(machine.state.devices) == ["cpu0", "cpu1"]
    machine.monitor.look()
    assert not machine.workers.work


def test_devices_stay_while_the_settings_do(machine: Machine) -> None:
    machine.begin()
    machine.problem = "the driver is gone"
    assert [device.name for device in machine.monitor.devices(AUTO)] == ["gpu0", "gpu1"]
    with pytest.raises(GpuError, match="the driver is gone"):
        machine.monitor.devices(Settings(gpus=["0"]))


def test_a_gpu_that_somebody_uses_is_closed_and_told(machine: Machine) -> None:
    machine.begin()
    machine.sessions[7] = 7
    machine.look(reading(gpu(0, used=5 * GB), gpu(1), processes=(GpuProcess("GPU-0", 7, 5 * GB),)))
    assert machine.state.closed == {"gpu0": "in use by process 7 of somebody (5.0 GB in use)"}
    assert machine.said == ["gpu0 gets no jobs: in use by process 7 of somebody (5.0 GB in use)"]
    machine.look()
    assert len(machine.said) == 1


@pytest.mark.parametrize("name", [b"nvidia-cuda-mps", b"nvidia-persiste", b"Xorg"])
def test_what_serves_others_is_nobodys_job(
    machine: Machine, name: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {7: name, 8: b"python"}
    monkeypatch.setattr(gpu_monitor.processes, "name_of", lambda pid: names.get(pid, b""))
    machine.begin()
    machine.sessions.update({7: 7, 8: 8})
    served = (GpuProcess("GPU-0", 7, 2 * GB),)
    machine.look(reading(gpu(0, used=2 * GB), gpu(1), processes=served))
    assert machine.state.closed == {}
    machine.look(reading(gpu(0, used=4 * GB), gpu(1), processes=(*served, GpuProcess("GPU-0", 8, 2 * GB))))
    assert machine.state.closed == {"gpu0": "in use by process 8 of somebody (4.0 GB in use)"}


def test_memory_is_charged_to_the_attempt_that_has_it(machine: Machine) -> None:
    machine.begin()
    machine.run("a")
    machine.sessions[71] = 70
    machine.look(reading(gpu(0, used=5 * GB), gpu(1), processes=(GpuProcess("GPU-0", 71, 4 * GB),)))
    assert machine.state.attempts["a", 1].peak_gpu_bytes == 4 * GB and not machine.state.closed


def test_what_others_hold_reaches_the_core(machine: Machine) -> None:
    machine.begin()
    machine.locks.held_by_others["gpu1"] = 0b11
    machine.monitor.look_at_locks()
    assert machine.state.others == {"gpu1": 0b11}


def test_a_reading_is_not_begun_before_the_last_is_over_nor_too_soon(machine: Machine) -> None:
    machine.begin()
    machine.monitor.look()
    machine.monitor.look()
    assert len(machine.workers.work) == 1
    machine.answer()
    machine.monitor.look()
    assert not machine.workers.work


def test_a_slot_is_free_once_its_memory_is(machine: Machine) -> None:
    machine.begin()
    machine.run("a")
    slot = machine.state.attempts["a", 1].slot or ""
    machine.end("a")
    assert cmd.Drain(slot) in machine.state.outbox
    machine.seen = reading(gpu(0, used=5 * GB), gpu(1))
    machine.monitor.drain(slot)
    machine.answer()
    assert slot in machine.state.draining, "its memory is still in use"
    machine.look(reading(gpu(0), gpu(1)))
    assert slot not in machine.state.draining and cmd.FreeSlot(slot) in machine.state.outbox


def test_a_slot_that_is_drained_during_a_reading_waits_for_the_next(machine: Machine) -> None:
    machine.begin()
    machine.run("a")
    slot = machine.state.attempts["a", 1].slot or ""
    machine.monitor.look()
    machine.now += 1.0
    machine.end("a")
    machine.monitor.drain(slot)
    machine.answer()
    assert slot in machine.state.draining, "the reading had begun before"
    machine.answer()
    assert slot not in machine.state.draining


def test_a_slot_whose_memory_is_never_free_is_freed_all_the_same_and_told(machine: Machine) -> None:
    machine.begin()
    machine.run("a")
    slot = machine.state.attempts["a", 1].slot or ""
    machine.end("a")
    machine.seen = reading(gpu(0, used=5 * GB), gpu(1))
    machine.monitor.drain(slot)
    machine.answer()
    machine.now += 31.0
    machine.look()
    assert slot not in machine.state.draining
    warning = f"{slot}: its GPU's memory was still in use 30 s after the job"
    assert warning in machine.said
    told = [item.message for item in machine.state.outbox if isinstance(item, cmd.Send)]
    assert any(isinstance(item, Slots) and item.notes == [warning] for item in told)


def test_trouble_with_the_tool_is_told_once_and_so_is_its_end(machine: Machine) -> None:
    machine.begin()
    machine.problem = "nvidia-smi does not answer"
    machine.look()
    machine.look()
    machine.problem = None
    machine.look()
    assert machine.said == [
        "the GPUs cannot be read, what was last seen stays true: nvidia-smi does not answer",
        "the GPUs can be read again",
    ]


def test_a_tool_that_is_gone_is_trouble(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.begin()
    monkeypatch.setattr(gpu_monitor, "read_gpus", lambda: None)
    machine.look()
    assert machine.said[0].endswith("nvidia-smi is no longer there")


def test_what_runs_on_a_gpu_that_has_gone_is_stopped(machine: Machine) -> None:
    machine.begin()
    machine.run("a")
    machine.state.outbox.clear()
    for _ in range(2):
        machine.look(reading(gpu(1)))
    assert cmd.Stop(("a", 1)) in machine.state.outbox and "gpu0" in machine.state.closed


def test_a_reading_of_just_now_is_not_taken_again(machine: Machine) -> None:
    machine.problem = "nvidia-smi gave no answer"
    devices = machine.monitor.devices(AUTO, reading(gpu(0), gpu(1)))
    assert [device.name for device in devices] == ["gpu0", "gpu1"]
    assert machine.monitor.devices(Settings(cpu_slots=1), reading(gpu(0)))[0].gpu is None
    assert machine.monitor.reading is None


@pytest.mark.parametrize(
    ("settings", "least", "slots"),
    [
        (Settings(gpus=["auto"]), 2, ["gpu0", "gpu1"]),
        (Settings(gpus=["auto"]), 3, ["gpu0.m0-31", "gpu0.m32-63", "gpu1.m0-31", "gpu1.m32-63"]),
        (Settings(gpus=["0"], slots_per_gpu=2), 1, ["gpu0.m0-31", "gpu0.m32-63"]),
        (Settings(cpu_slots=1), 2, ["cpu0", "cpu1"]),
        (Settings(cpu_slots=2), 1, ["cpu0", "cpu1"]),
    ],
)
def test_at_least_so_many_slots_are_made(settings: Settings, least: int, slots: list[str]) -> None:
    found = gpu_monitor.devices_for(replace(settings, least_slots=least), reading(gpu(0), gpu(1)))
    assert [slot for device in found for slot in usual_slots(device)] == slots


def test_a_gpu_has_no_more_than_a_share_for_each_job() -> None:
    found = gpu_monitor.devices_for(replace(AUTO, least_slots=1000), reading(gpu(0)))
    assert len(usual_slots(found[0])) == 64


def test_that_gpus_are_not_lent_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    machine.seen = replace(machine.seen, unlent=True)
    machine.begin()
    assert machine.state.devices and all(name.startswith("cpu") for name in machine.state.devices)
    for _ in range(3):
        machine.look()
    assert [text for text in machine.said if "Slurm gives none to this allocation" in text] == machine.said
    assert len(machine.said) == 1
    (sent,) = [item.message for item in machine.state.outbox if isinstance(item, cmd.Send)]
    assert isinstance(sent, Slots) and sent.notes == machine.said and sent.left_alone == []


def test_that_gpus_are_not_lent_is_no_news_to_who_names_some(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    machine.seen = replace(machine.seen, unlent=True)
    machine.begin(Settings(gpus=["1"]))
    machine.look()
    assert list(machine.state.devices) == ["gpu1"] and machine.said == []
