from __future__ import annotations

from typing import Any

import pytest

from master.adapters.allocators.slurm.slurm_allocator import SlurmAllocator
from master.runs.fleet.pools.engines import allocator_of
from master.specs import ClusterSpec, PoolSpec, ServerSpec

POOL = PoolSpec("hpc", ServerSpec("login1", "login1"), 2, 3600.0)


def test_a_pool_is_slurms_and_its_login_host_is_connected_to_when_it_is_asked() -> None:
    opened: list[str] = []

    def connect(server: ServerSpec, cluster: ClusterSpec, in_terminal: bool) -> Any:
        opened.append(server.name)
        raise OSError("no route to host")

    allocator = allocator_of(POOL, ClusterSpec(()), connect, "0123456789abcdef")
    assert isinstance(allocator, SlurmAllocator) and opened == []
    with pytest.raises(OSError, match="no route"):
        allocator.look()
    assert opened == ["login1"]
