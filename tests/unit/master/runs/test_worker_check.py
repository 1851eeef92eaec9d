"""What workers are asked before anything starts on them."""

from __future__ import annotations

from master.runs.worker_check import with_needs
from master.specs import ClusterSpec, DataDir, ServerSpec


def test_agents_look_for_modules_and_for_the_data_that_is_there() -> None:
    data = (DataDir("labtools/src", "/scratch/labtools"), DataDir("rows", "/home/rows", sync=True))
    bare, shared = ServerSpec("a", "a"), ServerSpec("b", "b", data=data)
    found = with_needs(ClusterSpec((bare, shared)), modules=["apex"], required=["torch", "labtools"])
    first, second = (server.agent for server in found.servers)
    assert (first.modules, first.required_modules, first.directories) == (["apex"], ["torch", "labtools"], [])
    assert (second.required_modules, second.directories) == (["torch"], ["/scratch/labtools"])
