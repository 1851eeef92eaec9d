"""`twophase top`."""

from __future__ import annotations

import json
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

from master.runs.usage.machines import Looked
from master.specs import ClusterSpec, ServerSpec
from master.verbs.machines.top import first_looks, machine_json
from tests.unit.master.verbs.published import as_published
from worker_agent.protocol.looks.machine import DiskNow, GpuNow, GpuUser, MachineNow

CLUSTER = ClusterSpec((ServerSpec("lab1", "lab1"), ServerSpec("lab2", "lab2")))
MACHINE = MachineNow(
    *("host1", 16, 7.2, 43.4, 23, 64, [DiskNow("~/.twophase", 8, 9)]),
    [GpuNow(0, "RTX", 97, 18, 24, "used", [GpuUser(1, "me", "python", None)])],
    *(4, 2.0),
)


def watching(*seen: Looked) -> Any:
    queue = SimpleQueue[Looked]()
    for each in seen:
        queue.put(each)
    return SimpleNamespace(seen=queue)


def test_the_first_look_at_each_is_taken_and_one_that_is_late_is_told() -> None:
    found = first_looks(CLUSTER, watching(Looked("lab1", MACHINE), Looked("lab1", None, "later")), 0.0)
    assert found == [Looked("lab1", MACHINE), Looked("lab2", None, "has not answered for 0 s")]


def test_what_is_published_is_as_the_schema_has_it() -> None:
    broken = MachineNow("host3", 1, 0.0, problem="nvidia-smi failed")
    found = [Looked("lab1", MACHINE), Looked("lab2", None, "timed out"), Looked("lab3", broken)]
    text = json.dumps({"machines": [machine_json(each) for each in found]})
    one, two, three = as_published("top", text)["machines"]
    assert one["gpus"][0]["users"][0]["user"] == "me" and one["problem"] is None
    assert (two["problem"], two["cores"], two["gpus"]) == ("timed out", None, [])
    assert (three["problem"], three["cores"]) == ("nvidia-smi failed", 1)
