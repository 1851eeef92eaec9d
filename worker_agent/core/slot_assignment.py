"""Who gets which slot: the queue on one side, the devices on the other.  Free of I/O."""

from __future__ import annotations

import heapq
import re
from typing import Dict, List, Mapping, Optional, Sequence

from worker_agent.core import commands as cmd
from worker_agent.core.execution import Key
from worker_agent.core.packing.crowd import Crowd
from worker_agent.core.shares import (
    Device,
    choose_several,
    device_of,
    devices_of,
    everything,
    freest,
    has_for,
    mask_of,
    parts_of,
    shares_for,
    size,
)
from worker_agent.core.state import AgentState, Artefact, Attempt, Phase
from worker_agent.protocol.messages import ALONE
from worker_agent.protocol.reports import Slots

_OUT_OF_MEMORY = re.compile(
    r"(CUDA|HIP) out of memory|(CUDA_ERROR|cudaError\w*|hipError)_?OutOfMemory|CUDA_ERROR_OUT_OF_MEMORY"
    r"|OutOfMemoryError|(CUBLAS|CUDNN)_STATUS_ALLOC_FAILED|RESOURCE_EXHAUSTED: Out of memory",
    re.IGNORECASE,
)


def fill(state: AgentState) -> None:
    """Start the attempts that lack nothing, in the order of the queue, as far as there are slots.

    No later attempt gets a device that an earlier one waits for, or large jobs would wait for ever; one that
    waits for several devices keeps as many.
    """
    if not state.ready or state.incomplete:
        return
    taken, blocked = in_use(state), []
    devices = [
        device
        for device in state.devices.values()
        if device.name not in state.closed
        and everything(device) & ~taken.get(device.name, 0)
        and _takes_more(state, device)
    ]
    while devices and state.ready:
        number, key = heapq.heappop(state.ready)
        attempt = state.attempts.get(key)
        if attempt is None or not is_ready(state, number, key) or _lacks_something(state, attempt):
            continue
        need, alone = attempt.launch.gpu_bytes, attempt.launch.gpu_use == ALONE
        if _is_gathering(state, attempt):
            blocked.append((number, key))
            continue
        slot = choose_several(devices, taken, need, alone, attempt.launch.gpus or 1)
        if slot is None:
            blocked.append((number, key))
            devices = _not_kept(state, devices, taken, attempt)
            continue
        group = _group_of(attempt)
        riders = _riders(state, attempt, group) if group else []
        for each in (attempt, *riders):
            each.phase, each.slot = Phase.STARTING, slot
        state.slots[slot] = key
        if riders:
            state.riders[slot] = {each.key for each in riders}
        _take(taken, slot)
        state.outbox.append(cmd.Start(attempt.launch, slot, [each.launch for each in riders]))
        if _joins(state, slot, key):
            devices = [device for device in devices if _takes_more(state, device)]
    for entry in blocked:
        heapq.heappush(state.ready, entry)


def _not_kept(
    state: AgentState, devices: Sequence[Device], taken: Mapping[str, int], attempt: Attempt
) -> List[Device]:
    """Return what later attempts may have beside one that waits: all, while others have what it lacks."""
    need, count = attempt.launch.gpu_bytes, attempt.launch.gpus or 1
    if count == 1:
        return [device for device in devices if shares_for(device, need, alone=False) is None]
    alone, others = attempt.launch.gpu_use == ALONE, state.others
    open_ones = [device for device in state.devices.values() if device.name not in state.closed]
    possible = [device for device in open_ones if has_for(device, others.get(device.name, 0), need, alone)]
    kept = freest(possible, taken, need, count) if len(possible) >= count else ()
    return [device for device in devices if device.name not in kept]


def _take(taken: Dict[str, int], slot: str) -> None:
    for part in parts_of(slot):
        taken[device_of(part)] = taken.get(device_of(part), 0) | mask_of(part)


def _group_of(attempt: Attempt) -> str:
    """Return the group that an attempt starts with; empty where it starts alone."""
    return "" if attempt.alone else attempt.launch.group or ""


def _is_gathering(state: AgentState, attempt: Attempt) -> bool:
    """Return whether the cache is being looked at for others of its group: that takes no time to speak of."""
    group = _group_of(attempt)
    if not group:
        return False
    looked_for = (
        keys for name, keys in state.waiting.items() if state.artefacts.get(name) is Artefact.LOOKING
    )
    return any(_group_of(state.attempts[key]) == group for keys in looked_for for key in keys)


def _riders(state: AgentState, attempt: Attempt, group: str) -> List[Attempt]:
    """Return the others of an attempt's group that lack nothing either."""
    queued = dict.fromkeys(key for number, key in sorted(state.ready) if is_ready(state, number, key))
    queued.pop(attempt.key, None)  # who was sent back to the queue may stand in it twice
    others = map(state.attempts.__getitem__, queued)
    return [each for each in others if _group_of(each) == group and not _lacks_something(state, each)]


def is_ready(state: AgentState, number: int, key: Key) -> bool:
    """Return whether an entry of the queue is not out of date."""
    attempt = state.attempts.get(key)
    return attempt is not None and attempt.number == number and attempt.phase is Phase.QUEUED


def _lacks_something(state: AgentState, attempt: Attempt) -> bool:
    if all(state.artefacts.get(name) is Artefact.PRESENT for name in attempt.needs):
        return False
    for name in attempt.needs:
        state.waiting.setdefault(name, set()).add(attempt.key)
    return True


def in_use(state: AgentState) -> Dict[str, int]:
    """Return the shares by device that cannot be given out now, as bits."""
    taken = dict(state.others)
    for slot in (*state.slots, *state.draining):
        _take(taken, slot)
    return taken


def ours(state: AgentState, device: Device) -> int:
    """Return the shares of a device that attempts of this agent have, or had until just now, as bits."""
    mask = 0
    for slot in (*state.slots, *state.draining):
        for part in parts_of(slot):
            mask |= mask_of(part) if device_of(part) == device.name else 0
    return mask & everything(device)


# --- slots become free


def free(state: AgentState, attempt: Attempt) -> None:
    """Give the slot of an attempt back, if it has one."""
    slot = attempt.slot
    if slot is not None and not _pass_on(state, attempt) and state.slots.get(slot) == attempt.key:
        _vacate(state, slot)
        state.outbox.append(cmd.FreeSlot(slot))


def holders(state: AgentState, slot: Optional[str]) -> List[Key]:
    """Return the attempts that have a slot: several where they train at once."""
    if slot is None or slot not in state.slots:
        return []
    return [state.slots[slot], *sorted(state.riders.get(slot, ()))]


def _pass_on(state: AgentState, attempt: Attempt) -> bool:
    """Take an attempt out of those that share its slot; return whether others are left there."""
    slot, key = attempt.slot or "", attempt.key
    riders = state.riders.get(slot)
    if not riders:
        return False
    if state.slots.get(slot) == key:
        _vacate(state, slot)
        state.slots[slot] = min(riders)
        riders.discard(state.slots[slot])
        _joins(state, slot, state.slots[slot])
    elif key in riders:
        riders.discard(key)
    else:
        return False
    if not riders:
        del state.riders[slot]
    return True


def leave(state: AgentState, attempt: Attempt) -> None:
    """Give the slot of an attempt that ran back, once its GPU's memory is free."""
    slot = attempt.slot
    devices = [state.devices.get(name) for name in devices_of(slot or "")]
    watched = any(device is not None and device.watched for device in devices)
    if _pass_on(state, attempt):
        return
    if slot is None or not watched or state.slots.get(slot) != attempt.key:
        free(state, attempt)
        return
    _vacate(state, slot)
    state.draining.add(slot)
    state.outbox.append(cmd.Drain(slot))


def on_memory_free(state: AgentState, slot: str) -> None:
    """The attempt that had the slot has left the GPU's memory, or it was waited for long enough."""
    if slot in state.draining:
        state.draining.discard(slot)
        state.outbox.append(cmd.FreeSlot(slot))
        fill(state)


def _vacate(state: AgentState, slot: str) -> None:
    key = state.slots.pop(slot)
    for name in devices_of(slot):
        crowd = state.crowds.get(name)
        if crowd:
            crowd.leave(key)


# --- how many share a GPU by memory


def on_progress(state: AgentState, key: Key, progress: float, at: float) -> None:
    """A running attempt had come so far at a time, in a measure of its own."""
    attempt = state.attempts[key]
    crowd = _crowd_of(state, attempt)
    if crowd:
        crowd.report(key, progress, at, _running_on(state, device_of(attempt.slot or "")))
        _tell_of(state, attempt, crowd)


def on_end(state: AgentState, attempt: Attempt, now: float) -> None:
    """An attempt has run to its end, and still has its slot."""
    crowd = _crowd_of(state, attempt)
    if crowd:
        crowd.ended(now)
        _tell_of(state, attempt, crowd)


def on_time(state: AgentState, now: float) -> None:
    """Wait no longer for attempts that show nothing of themselves."""
    found = False
    for crowd in state.crowds.values():
        for key in crowd.awaited():
            attempt = state.attempts.get(key)
            if attempt is None:
                crowd.leave(key)
            elif attempt.started_at is not None:
                found |= crowd.aged(key, now - attempt.started_at)
    if found:
        fill(state)


def _tell_of(state: AgentState, attempt: Attempt, crowd: Crowd) -> None:
    number = crowd.news()
    if number is not None:
        device, jobs = device_of(attempt.slot or ""), f"{number} job{'' if number == 1 else 's'}"
        state.outbox.append(cmd.Send(told(state, [f"{device}: {jobs} at a time get most done there"])))
    fill(state)


def _takes_more(state: AgentState, device: Device) -> bool:
    crowd = state.crowds.get(device.name)
    if crowd is None or not device.is_by_memory:
        return True
    return crowd.may_start(_running_on(state, device.name))


def _joins(state: AgentState, slot: str, key: Key) -> bool:
    """Note that an attempt starts in a slot; return whether a device of it is shared by memory."""
    devices = filter(None, map(state.devices.get, devices_of(slot)))
    names = [device.name for device in devices if device.is_by_memory]
    for name in names:
        state.crowds.setdefault(name, Crowd()).started(key)
    return bool(names)


def _crowd_of(state: AgentState, attempt: Attempt) -> Optional[Crowd]:
    """Return where an attempt's progress counts: that of one on several GPUs tells of none of them."""
    slot = attempt.slot
    if not slot or len(parts_of(slot)) > 1 or state.slots.get(slot) != attempt.key:
        return None
    return state.crowds.get(device_of(slot))


def _running_on(state: AgentState, device: str) -> int:
    return sum(device in devices_of(slot) for slot in state.slots)


# --- what others do


def on_others(state: AgentState, held: Mapping[str, int], closed: Mapping[str, str]) -> None:
    """Other runs or users hold these shares, as bits; these devices get no new jobs, with the reason."""
    others = {name: mask for name, mask in held.items() if mask}
    if (others, closed) == (state.others, state.closed):
        return
    notes = _notes(state.closed, closed)
    state.others, state.closed = others, dict(closed)
    state.outbox.append(cmd.Send(told(state, notes)))
    fill(state)


def told(state: AgentState, notes: Sequence[str] = ()) -> Slots:
    """Return what the master is to know of the slots, with `notes` of what has changed."""
    return Slots(held_by_others(state), list(notes), left_alone(state))


def left_alone(state: AgentState) -> List[str]:
    """Return the devices that get no new jobs, each with the reason."""
    return [f"{name}: {why}" for name, why in state.closed.items()]


def held_by_others(state: AgentState) -> float:
    """Return how many slots' worth of the devices others have."""
    total = 0.0
    for device in state.devices.values():
        if device.name in state.closed:
            mask = everything(device) & ~ours(state, device)
        else:
            mask = state.others.get(device.name, 0) & everything(device)
        total += min(size(mask) / device.usual, device.shares // device.usual)
    return round(total, 3)


def _notes(before: Mapping[str, str], after: Mapping[str, str]) -> List[str]:
    closed = [f"{name} is left alone: {why}" for name, why in after.items() if name not in before]
    return closed + [f"{name} is used again" for name in before if name not in after]


def on_gpu_memory(state: AgentState, used: Mapping[Key, int]) -> None:
    """Attempts have so many bytes of GPU memory now."""
    for key, count in used.items():
        attempt = state.attempts.get(key)
        if attempt is not None:
            attempt.peak_gpu_bytes = max(count, attempt.peak_gpu_bytes or 0)
            for name in devices_of(attempt.slot or ""):
                if state.slots.get(attempt.slot or "") == key and name in state.crowds:
                    state.crowds[name].seen(key)
    fill(state)


def ran_out_of_gpu_memory(slot: Optional[str], log_tail: str) -> bool:
    """Return whether a failed attempt's log says that its GPU's memory was not enough."""
    return slot is not None and slot.startswith("gpu") and bool(_OUT_OF_MEMORY.search(log_tail))
