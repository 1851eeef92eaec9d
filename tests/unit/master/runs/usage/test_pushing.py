"""A base model is sent to those who have it not, and one that cannot be reached hides no other."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from master.adapters.session import Session
from master.runs.usage.pushing import Parcel, push_to_caches
from master.specs import ClusterSpec, ServerSpec
from tests.support.fake_session import FakeSession, Reply
from worker_agent.protocol.layout import PUSHED, WorkLayout

NAME = "a" * 64


def said(*items: dict[str, object], disk: str = "") -> Reply:
    now = {"folder": "/w", "free_bytes": 0, "items": list(items), "disk": disk}
    return Reply(0, json.dumps({"cache": now}).encode() + b"\n")


def item(problem: str = "") -> dict[str, object]:
    return {"content_hash": NAME, "bytes": 7, "used_at": 5, "problem": problem}


def test_who_has_it_is_sent_nothing_and_what_arrives_damaged_is_told(tmp_path: Path) -> None:
    answers = {
        "has": {"place": said(item())},
        "lacks": {"place": said(), "take": said(item())},
        "torn": {"place": said(), "take": said(item("torn"))},
        "gone": {"place": Reply(1, b"", b"no\n")},
    }
    sessions = {name: FakeSession(name, root=tmp_path / name) for name in answers}

    def connect(server: ServerSpec, cluster: ClusterSpec, in_terminal: bool) -> Session:
        def behaviour(rest: tuple[str, ...], stdin: bytes) -> Reply:
            assert rest[-2:] == ("~/.twophase",) or rest[3:5] == ("--artefact", NAME)
            return answers[server.name][rest[2]]

        sessions[server.name].script("python3", "-I", "-c", behaviour=behaviour)
        return sessions[server.name]

    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "best.pt").write_text("weights")
    servers = [ServerSpec(name, name) for name in answers]
    found = push_to_caches(ClusterSpec(tuple(servers)), servers, Parcel(tmp_path / "model", NAME), connect)
    assert [each.was_sent for each in found] == [False, True, True, False]
    problems = [[at.problem for at in each.look.cache.items] if each.look.cache else [] for each in found]
    assert problems == [[""], [""], ["torn"], []]
    assert "the cache cannot be looked at" in found[3].look.problem
    target = WorkLayout(Path("/w")).incoming(PUSHED, NAME)
    there = tmp_path / "lacks" / str(target).lstrip("/") / "best.pt"
    assert there.read_text() == "weights" and not (tmp_path / "has" / "w").exists()


def test_of_the_workers_of_a_disk_one_is_sent_it(tmp_path: Path) -> None:
    has = threading.Event()
    sessions = {name: FakeSession(name, root=tmp_path / name) for name in ("lab1", "lab2", "lab3")}

    def behaviour(rest: tuple[str, ...], stdin: bytes) -> Reply:
        if rest[2] == "take":
            has.set()
        return said(*([item()] if has.is_set() else []), disk="d")

    def connect(server: ServerSpec, cluster: ClusterSpec, in_terminal: bool) -> Session:
        sessions[server.name].script("python3", "-I", "-c", behaviour=behaviour)
        return sessions[server.name]

    (tmp_path / "model").mkdir()
    servers = [ServerSpec(name, name) for name in sessions]
    found = push_to_caches(ClusterSpec(tuple(servers)), servers, Parcel(tmp_path / "model", NAME), connect)
    assert sorted(each.was_sent for each in found) == [False, False, True]
    assert all(each.look.cache and each.look.cache.items for each in found)
