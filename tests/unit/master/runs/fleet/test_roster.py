"""Workers by name, and what is known of each."""

from __future__ import annotations

from pathlib import Path

from master.specs import ClusterSpec, DataDir, ServerSpec
from tests.support.rosters import roster_of
from worker_agent.protocol.messages import Mount

LAB1 = ServerSpec("lab1", "lab1", data=(DataDir("a", "/d", sync=True), DataDir("b", "/scratch/b")))
HERE = ServerSpec("localhost", "localhost", data=LAB1.data)


def test_a_worker_that_is_taken_has_a_link_and_its_data() -> None:
    roster = roster_of(ClusterSpec((LAB1, HERE)), {"/d": "c" * 64})
    assert roster.members["lab1"].mounts == (Mount("a", artefact="c" * 64), Mount("b", path="/scratch/b"))
    assert roster.members["localhost"].mounts == (Mount("a", path="/d"), Mount("b", path="/scratch/b"))
    assert list(roster.links) == list(roster.remotes) == ["lab1", "localhost"]
    assert roster.remotes["lab1"].run_id != roster.remotes["localhost"].run_id
    assert Path(roster.remotes["lab1"].name).name == "lab1"


def test_a_worker_that_has_gone_is_only_remembered() -> None:
    roster = roster_of(ClusterSpec((LAB1, HERE)), {"/d": "c" * 64})
    link = roster.links["lab1"]
    assert roster.drop("lab1") is link and roster.drop("lab1") is None
    assert list(roster.links) == list(roster.members) == list(roster.remotes) == ["localhost"]
    assert list(roster.ever) == ["lab1", "localhost"]
