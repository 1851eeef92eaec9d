"""What workers are asked before anything starts on them."""

from __future__ import annotations

from master.runs.worker_check import with_needs
from master.specs import ClusterSpec, DataDir, ServerSpec


def test_agents_look_for_modules_and_for_the_data_that_is_there() -> None:
    data = (DataDir("labtools/src", "/scratch/labtools"), DataDir("rows", "/home/rows", sync=True))
    bare, shared = ServerSpec("a", "a"), ServerSpec("b", "b", data=data)
    cluster, imported = ClusterSpec((bare, shared)), [["apex", "labtools", "torch"], ["torch", "labtools"]]
    first, second = (server.agent for server in with_needs(cluster, imported).servers)
    assert (first.modules, first.required_modules, first.directories) == (["apex"], ["labtools", "torch"], [])
    assert (second.required_modules, second.directories) == (["torch"], ["/scratch/labtools"])


def test_what_a_worker_may_lack_is_told() -> None:
    cluster = ClusterSpec((ServerSpec("a", "a"),))
    (told,) = (server.agent for server in with_needs(cluster, [["torch"]], may_lack=True).servers)
    assert (told.modules, told.required_modules) == (["torch"], [])
    (none,) = (server.agent for server in with_needs(cluster, []).servers)
    assert (none.modules, none.required_modules) == ([], [])
