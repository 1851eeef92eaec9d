"""Takes the locks of slots, and gives them back."""

from __future__ import annotations

from typing import Dict, Optional

from worker_agent.core import commands as cmd
from worker_agent.core import slot_assignment
from worker_agent.core.shares import device_of, devices_of, everything, mask_of, parts_of
from worker_agent.core.state import AgentState
from worker_agent.devices.gpu_monitor import GpuMonitor, GpusRead
from worker_agent.runtime.agent_log import complain
from worker_agent.runtime.effects.table import Handlers
from worker_agent.runtime.host_context import CurrentHost
from worker_agent.runtime.ports import Locks


class SlotEffects:
    """The slots of this machine, which agents of all runs and users share."""

    def __init__(self, state: AgentState, host: CurrentHost, locks: Locks, gpus: GpuMonitor) -> None:
        self._state, self._host, self._locks, self._gpus = state, host, locks, gpus

    def table(self) -> Handlers:
        """Return what is handled here."""
        return {cmd.FreeSlot: self.free, cmd.Drain: self.drain, GpusRead: self._gpus.on_read}

    def take(self, slot: str) -> Optional[int]:
        """Lock a slot and return the descriptor that holds it; None where that cannot be."""
        try:
            return self._locks.take(slot, [self._host.context.devices[name] for name in devices_of(slot)])
        except OSError as error:
            complain(f"cannot lock slot {slot}: {error}")
            return None

    def held_by_others(self, slot: str) -> Dict[str, int]:
        """Return which shares of a slot's devices others hold, as bits; the slot's where none are seen."""
        found, asked = {}, {}
        for part in parts_of(slot):
            device = self._host.context.devices[device_of(part)]
            asked[device.name] = mask_of(part) & everything(device)
            ours = slot_assignment.ours(self._state, device) & ~mask_of(part)
            found[device.name] = self._locks.others(device, ours)
        return found if any(found.values()) else asked

    def visible_gpu(self, slot: str) -> Optional[str]:
        """Return what `CUDA_VISIBLE_DEVICES` is to hold for a job in a slot, None for a CPU slot."""
        names = [self._gpus.visible(self._host.context.devices[name]) for name in devices_of(slot)]
        return ",".join(name for name in names if name is not None) or None

    def free(self, item: cmd.FreeSlot) -> None:
        """Let other runs and users have a slot."""
        self._locks.free(item.slot)

    def drain(self, item: cmd.Drain) -> None:
        """Free a slot once its GPU's memory is free."""
        self._gpus.drain(item.slot)
