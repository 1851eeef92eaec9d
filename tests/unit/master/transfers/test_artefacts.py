"""Artefacts leave for workers whole or not at all."""

from __future__ import annotations

import pytest

from master.core.running import commands as cmd
from master.core.running import events as ev
from master.errors import RemoteError, SessionLost, TwophaseError
from master.storage.base_model_store import make_manifest
from tests.support.courier_world import (
    SHA,
    SPEC,
    fail_first,
    hash_of,
    put,
)
from tests.support.courier_world import CourierWorld as World
from worker_agent.protocol import messages as msg
from worker_agent.protocol.digests import digest_directory
from worker_agent.protocol.layout import WorkLayout
from worker_agent.protocol.outcome import BaseModelLeft


def held(world: World) -> str:
    """Put a base model into the store and return its content hash."""
    staged = world.tmp_path / "staged"
    put(staged, {"best_base_model.pt": "weights"})
    found = hash_of(staged)
    world.store.add(staged, make_manifest(SPEC, {}, BaseModelLeft(found, digest_directory(staged))))
    world.library.hold(SPEC, found, world.store.path(SPEC), None)
    return found


def deliver(world: World, found: str) -> ev.Event:
    world.courier.deliver(cmd.Deliver("lab1", found))
    return world.event()


def test_an_artefact_is_brought_and_announced(world: World) -> None:
    found = held(world)
    assert deliver(world, found) == ev.Delivered(5.0, "lab1", found)
    there = WorkLayout(world.remote / "work").incoming("run1", found)
    assert (there / "best_base_model.pt").read_text() == "weights"
    assert world.line.sent == [msg.Delivered(found)]


def test_what_nobody_has_cannot_be_brought(world: World) -> None:
    for wanted in (SHA, "../../../etc/passwd", ""):
        failed = deliver(world, wanted)
        assert isinstance(failed, ev.DeliveryFailed) and "nothing here has the content hash" in failed.problem
    assert world.session.calls == []


def test_a_damaged_base_model_is_set_aside_and_reported_once(world: World) -> None:
    found = held(world)
    (world.store.path(SPEC) / "best_base_model.pt").write_text("rotten")
    assert deliver(world, found) == ev.BaseModelDamaged(5.0, SPEC)
    assert f"base model {SPEC} is damaged; moved to" in world.note()
    (aside,) = world.layout.set_aside("x").parent.iterdir()
    assert (aside / "best_base_model.pt").read_text() == "rotten"
    assert isinstance(deliver(world, found), ev.DeliveryFailed)
    assert world.session.calls == [] and world.line.sent == []


def test_a_late_wish_for_a_damaged_base_model_spares_the_new_one(world: World) -> None:
    old = held(world)
    (world.store.path(SPEC) / "best_base_model.pt").write_text("rotten")
    deliver(world, old)
    world.note()
    staged = world.tmp_path / "new"
    put(staged, {"best_base_model.pt": "new weights"})
    new = hash_of(staged)
    world.store.add(staged, make_manifest(SPEC, {}, BaseModelLeft(new, digest_directory(staged))))
    world.library.hold(SPEC, new, world.store.path(SPEC), None)
    assert isinstance(deliver(world, old), ev.DeliveryFailed)
    assert world.store.verify(SPEC)["content_hash"] == new


def test_code_or_data_that_changed_is_not_given_out(world: World) -> None:
    put(world.tmp_path / "data", {"x": "1"})
    found = hash_of(world.tmp_path / "data")
    world.library.paths[found] = world.tmp_path / "data"
    put(world.tmp_path / "data", {"x": "2"})
    failed = deliver(world, found)
    assert isinstance(failed, ev.DeliveryFailed) and "has changed since the run began" in failed.problem
    assert (world.tmp_path / "data" / "x").exists()


def test_a_worker_that_refuses_an_artefact_is_told_of(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    found = held(world)
    fail_first(monkeypatch, world.session, "push", RemoteError("lab1", "the disk is full"))
    assert deliver(world, found) == ev.DeliveryFailed(5.0, "lab1", found, "the disk is full")
    assert isinstance(deliver(world, found), ev.Delivered)


LOST: TwophaseError = SessionLost("lab1: the link broke during a transfer")


def test_a_push_that_breaks_while_the_link_holds_is_repeated(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = held(world)
    fail_first(monkeypatch, world.session, "push", LOST)
    assert isinstance(deliver(world, found), ev.Delivered)


def test_a_push_that_keeps_breaking_is_told_of(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    found = held(world)
    fail_first(monkeypatch, world.session, "push", LOST, LOST)
    assert isinstance(deliver(world, found), ev.DeliveryFailed)


def test_a_push_over_a_link_that_is_gone_says_nothing(world: World) -> None:
    found = held(world)
    world.line.welcome = None
    world.courier.deliver(cmd.Deliver("lab1", found))
    assert world.silent()
    assert world.line.sent == []
