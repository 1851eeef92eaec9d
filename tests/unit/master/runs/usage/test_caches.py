"""The caches of all workers are asked for, and one that cannot be looked at hides no other."""

from __future__ import annotations

from dataclasses import replace

from master.adapters.session import Session
from master.runs.usage.caches import CacheLook, look_at_caches
from master.specs import ClusterSpec, ServerSpec
from tests.support.fake_session import FakeSession, Reply
from worker_agent.protocol.looks.cache import CachedItem, CacheNow

ITEM = b'{"content_hash": "aa", "bytes": 7, "used_at": 5, "used_by": ["run r1"]}'
TOLD = b'motd\n{"cache": {"folder": "/w", "free_bytes": 9, "items": [' + ITEM + b"]}}\n"
LAB = ServerSpec("lab1", "lab1")


def test_each_worker_is_asked_and_what_it_says_is_checked() -> None:
    asked = list[tuple[str, ...]]()
    says = {
        "lab1": Reply(0, TOLD),
        "lab2": Reply(0, b'{"cache": {"folder": 3}}\n'),
        "lab3": Reply(1, b"", b"no\n"),
    }

    def connect(server: ServerSpec, cluster: ClusterSpec, in_terminal: bool) -> Session:
        def behaviour(rest: tuple[str, ...], stdin: bytes) -> Reply:
            asked.append(rest[1:])
            return says[server.name]

        session = FakeSession(server.name)
        session.script("python3", "-I", "-c", behaviour=behaviour)
        return session

    own = replace(LAB.agent, work_dir="/scratch")
    servers = [replace(LAB, agent=own), ServerSpec("lab2", "lab2"), ServerSpec("lab3", "lab3")]
    one, two, three = look_at_caches(ClusterSpec(tuple(servers)), servers, "clear-dry", connect)
    assert one == CacheLook("lab1", CacheNow("/w", 9, [CachedItem("aa", 7, 5, used_by=["run r1"])]))
    assert two.cache is None and "CacheNow" in two.problem
    assert three.cache is None and "the cache cannot be looked at" in three.problem
    assert ("cache", "clear-dry", "--state-dir", "~/.twophase", "--work-dir", "/scratch") in asked
