"""What the slots of a worker are called."""

from __future__ import annotations

from typing import List, Optional, Sequence


def slot_names(gpus: Sequence[str], cpu_slots: Optional[int], cores: int) -> List[str]:
    """Return the slots: one for each GPU named, else CPU slots, by default one for every two cores.

    A GPU named twice has two shares.
    """
    if not gpus:
        return [f"cpu{index}" for index in range(cpu_slots if cpu_slots is not None else max(1, cores // 2))]
    shares = [list(gpus[:index]).count(gpu) for index, gpu in enumerate(gpus)]
    return [f"gpu{gpu}.share{share}" if share else f"gpu{gpu}" for gpu, share in zip(gpus, shares)]


def gpu_of(slot: str) -> Optional[str]:
    """Return the GPU of a slot, None for a CPU slot."""
    return slot[len("gpu") :].partition(".share")[0] if slot.startswith("gpu") else None
