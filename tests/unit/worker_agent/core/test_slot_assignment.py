"""Jobs that wait for GPUs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.worker_agent.gpu_data import GB, SMALL
from worker_agent.core import commands as cmd
from worker_agent.core import slot_assignment, transitions
from worker_agent.core.execution import Exit
from worker_agent.core.shares import SHARES, Device, cpu_devices
from worker_agent.core.state import AgentState
from worker_agent.protocol.events import Ticks
from worker_agent.protocol.messages import ALONE, Launch
from worker_agent.protocol.outcome import Finished, Outcome
from worker_agent.protocol.reports import Slots

GPUS = [Device("gpu0", SHARES, SHARES, memory=64 * GB, watched=True)]


def agent(devices: list[Device] = GPUS) -> AgentState:
    return AgentState(devices={device.name: device for device in devices})


def launch(state: AgentState, name: str, gigabytes: float | None = None, **more: Any) -> None:
    need = None if gigabytes is None else int(gigabytes * GB)
    transitions.on_launch(state, Launch(name, 1, 2, ["x"], gpu_bytes=need, **more), 0.0)


def starts(state: AgentState) -> dict[str, str]:
    """Return what has been started since the last call, and where while each is waited for."""
    found: dict[str, str] = {}
    while new := {item.launch.job_id: item.slot for item in state.outbox if isinstance(item, cmd.Start)}:
        found.update(new)
        state.outbox.clear()
        for name in new:
            state.attempts[name, 1].started_at = 0.0
        slot_assignment.on_time(state, 60.0)
    state.outbox.clear()
    return found


def end(state: AgentState, name: str) -> None:
    transitions.on_started(state, (name, 1), 1, Ticks(5, 6), 1.0)
    transitions.on_exit(state, Exit((name, 1), 0, None, 1.0), 2.0)


def test_jobs_are_packed_while_they_fit() -> None:
    state = agent()
    for name, need in (("a", 16), ("b", 16), ("c", 40), ("d", 1)):
        launch(state, name, need)
    assert starts(state) == {"a": "gpu0.m0-15", "b": "gpu0.m16-31"}
    end(state, "a")
    assert starts(state) == {}
    slot_assignment.on_memory_free(state, "gpu0.m0-15")
    assert starts(state) == {"c": "gpu0.m0-15+32-55", "d": "gpu0.m56"}


def test_a_job_that_fits_only_elsewhere_is_not_held_up() -> None:
    state = agent([*GPUS, SMALL])
    launch(state, "a", gpu_use=ALONE)
    launch(state, "b", 40)
    launch(state, "c", 4)
    assert starts(state) == {"a": "gpu0", "c": "gpu1.m0-31"}


def test_a_slot_is_given_out_again_when_its_memory_is_free() -> None:
    state = agent()
    launch(state, "a")
    launch(state, "b")
    assert starts(state) == {"a": "gpu0"}
    end(state, "a")
    assert [item for item in state.outbox if isinstance(item, (cmd.Drain, cmd.FreeSlot))] == [
        cmd.Drain("gpu0")
    ]
    state.outbox.clear()
    slot_assignment.on_memory_free(state, "gpu0")
    assert cmd.FreeSlot("gpu0") in state.outbox
    assert starts(state) == {"b": "gpu0"}
    slot_assignment.on_memory_free(state, "gpu0")
    assert starts(state) == {}


def test_others_and_closed_gpus_are_not_used() -> None:
    state = agent()
    slot_assignment.on_others(state, {"gpu0": 0xFF}, {})
    (said,) = state.outbox
    assert isinstance(said, cmd.Send) and said.message == Slots(0.125)
    launch(state, "a", 60)
    launch(state, "b", 1)
    assert starts(state) == {}
    slot_assignment.on_others(state, {"gpu0": 0}, {"gpu0": "in use by bob"})
    (said,) = state.outbox
    assert isinstance(said, cmd.Send)
    assert said.message == Slots(1.0, ["gpu0 is left alone: in use by bob"], ["gpu0: in use by bob"])
    state.outbox.clear()
    slot_assignment.on_others(state, {"gpu0": 0}, {})
    assert cmd.Send(Slots(0.0, ["gpu0 is used again"])) in state.outbox
    assert starts(state) == {"a": "gpu0.m0-59", "b": "gpu0.m60"}


def test_jobs_on_a_gpu_that_has_gone_are_lost() -> None:
    state = agent()
    launch(state, "a")
    transitions.on_started(state, ("a", 1), 1, Ticks(5, 6), 1.0)
    state.outbox.clear()
    transitions.on_gpus_gone(state, ["gpu1"])
    assert state.outbox == []
    transitions.on_gpus_gone(state, ["gpu0"])
    transitions.on_gpus_gone(state, ["gpu0"])
    assert state.outbox == [cmd.KeepVerdict(("a", 1), Outcome.LOST), cmd.Stop(("a", 1))]
    outcome = ended(state, "a", -9, "")
    assert outcome.outcome is Outcome.LOST and "GPU of slot gpu0 is gone" in outcome.error


def ended(state: AgentState, name: str, code: int, tail: str) -> Finished:
    done = Exit((name, 1), code, None, 1.0)
    transitions.on_exit(state, done, 2.0)
    state.outbox.clear()
    transitions.on_collected(state, done, cmd.Collected(stderr_tail=tail), 3.0)
    (record,) = [item for item in state.outbox if isinstance(item, cmd.Record)]
    return record.event.detail


@pytest.mark.parametrize(
    ("tail", "outcome"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", "out_of_memory"),
        ("torch.cuda.OutOfMemoryError: …", "out_of_memory"),
        ("RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate", "out_of_memory"),
        ("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8 bytes", "out_of_memory"),
        ("HIP out of memory", "out_of_memory"),
        ("CUDA driver error: CUDA_ERROR_OUT_OF_MEMORY", "out_of_memory"),
        ("ValueError: no", "failed"),
        ("MemoryError", "failed"),
    ],
)
def test_a_job_that_ran_out_of_gpu_memory_says_so(tail: str, outcome: str) -> None:
    state = agent()
    launch(state, "a")
    transitions.on_started(state, ("a", 1), 1, Ticks(5, 6), 1.0)
    slot_assignment.on_gpu_memory(state, {("a", 1): 5, ("gone", 1): 6})
    slot_assignment.on_gpu_memory(state, {("a", 1): 3})
    detail = ended(state, "a", 1, tail)
    assert (detail.outcome, detail.peak_gpu_bytes) == (outcome, 5)


def test_on_a_cpu_nothing_runs_out_of_gpu_memory() -> None:
    state = agent(cpu_devices(1))
    launch(state, "a")
    transitions.on_started(state, ("a", 1), 1, Ticks(5, 6), 1.0)
    assert ended(state, "a", 1, "CUDA out of memory").outcome == "failed"
