"""How a layer's probes are trained, beyond what decides their weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from trainers.common.activations.loading import load_rows
from trainers.common.activations.rows import Rows
from trainers.probes.settings import Loader, Settings
from worker_agent.protocol.script_contract import ScriptContract

Executor = Literal["auto", "fused", "thread"]
Load = Callable[..., Rows]


@dataclass(frozen=True)
class ProbeOptions:
    """How a layer is trained, beyond what decides its weights."""

    settings: Settings
    executor: Executor = "auto"
    loader: Loader = "memory"
    device: str = "auto"
    pin: bool = True
    """Hold the activations in the memory of the accelerator."""
    num_workers: int = 8
    memory_limit: int | None = None
    """Bytes of memory for activations; None is a share of what is free."""
    names: list[str] | None = None
    overwrite: bool = False
    baseline: bool = False
    """Also score what a probe has to beat."""
    contract: ScriptContract | None = None
    load: Load = load_rows
    """What brings the rows of a split into memory."""
