"""A base model that is damaged at home comes from a worker that has it, or is trained again."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from master.core.running import commands as cmd
from master.core.running import events as ev
from master.transfers import mending
from master.transfers.mending import Mending
from master.transfers.remote import Remote
from tests.support.courier_world import SPEC, WELCOME, put
from tests.support.courier_world import CourierWorld as World
from tests.unit.master.transfers.test_artefacts import held
from worker_agent.protocol import digests
from worker_agent.protocol.layout import WorkLayout

WEIGHTS = "best_base_model.pt"


@pytest.fixture
def found(world: World) -> str:
    return held(world)


def deliver(world: World, found: str) -> ev.Event:
    world.courier.deliver(cmd.Deliver("lab1", found))
    return world.event()


def damage(world: World) -> None:
    (world.store.path(SPEC) / WEIGHTS).write_text("rotten")


def test_it_is_fetched_from_a_worker_that_has_it_whole(world: World, found: str) -> None:
    damage(world)
    put(world.add_worker("none").cached("f" * 64), {WEIGHTS: "of another"})
    world.add_worker("gone", connected=False)
    put(world.add_worker("rotten").cached(found), {WEIGHTS: "weighty"})
    put(world.add_worker("donor").cached(found), {WEIGHTS: "weights"})
    world.courier.deliver(cmd.Deliver("lab1", found))
    told = world.note()
    assert told.startswith(f"base model {SPEC} is damaged; moved to ") and told.endswith(
        "fetched anew from donor"
    )
    assert world.event() == ev.Delivered(5.0, "lab1", found)
    there = WorkLayout(world.remote / "work").incoming("run1", found)
    assert (there / WEIGHTS).read_text() == "weights"
    assert world.store.verify(SPEC)["content_hash"] == found
    aside = {path.name: path for path in world.layout.set_aside("x").parent.iterdir()}
    (old,) = (path for name, path in aside.items() if name.startswith(SPEC))
    assert (old / WEIGHTS).read_text() == "rotten"
    assert not list((world.layout.state / "incoming").glob("*"))


def test_it_is_trained_again_where_no_worker_has_it(world: World, found: str) -> None:
    damage(world)
    put(world.add_worker("rotten").cached(found), {WEIGHTS: "weighty"})
    assert deliver(world, found) == ev.BaseModelDamaged(5.0, SPEC)
    assert world.note().endswith("it is trained again") and not world.store.path(SPEC).exists()


def test_without_a_sound_manifest_nobody_knows_what_to_fetch(world: World, found: str) -> None:
    (world.store.path(SPEC) / "manifest.json").write_text("{")
    damage(world)
    put(world.add_worker("donor").cached(found), {WEIGHTS: "weights"})
    assert deliver(world, found) == ev.BaseModelDamaged(5.0, SPEC)


def test_one_that_somebody_removed_is_told_so_and_trained_again(world: World, found: str) -> None:
    shutil.rmtree(world.store.path(SPEC))
    assert deliver(world, found) == ev.BaseModelDamaged(5.0, SPEC)
    assert world.note() == f"base model {SPEC} is gone from {world.store.path(SPEC)}, it is trained again"


def test_who_comes_second_finds_it_mended(world: World, found: str) -> None:
    damage(world)
    put(world.add_worker("donor").cached(found), {WEIGHTS: "weights"})
    assert deliver(world, found) == ev.Delivered(5.0, "lab1", found)
    path = world.store.path(SPEC)
    again = mending.Mending(world.courier._artefacts.home, world.remotes, world.courier._artefacts.reporter)
    assert again.mend(found, path, "lab1") and len(list(world.layout.set_aside("x").parent.iterdir())) == 1


@pytest.mark.parametrize(("fails", "is_sound"), [(2, True), (3, False)])
def test_a_file_system_may_err_twice(
    world: World, found: str, monkeypatch: pytest.MonkeyPatch, fails: int, is_sound: bool
) -> None:
    looks = iter(range(fails))

    def flaky(path: Path, wanted: str) -> bool:
        if next(looks, None) is not None:
            raise OSError(errno.EIO, "Input/output error", str(path))
        return digests.holds(path, wanted)

    monkeypatch.setattr(mending, "holds", flaky)
    assert mending.is_sound(world.store.path(SPEC), found) is is_sound
    monkeypatch.setattr(mending, "holds", lambda path, wanted: path.joinpath("none").read_bytes())
    with pytest.raises(FileNotFoundError):
        mending.is_sound(world.store.path(SPEC), found)


def holding(world: World, name: str, *cached: str) -> Remote:
    """Let there be a worker that says what its cache holds, and has."""
    there = world.add_worker(name)
    for content_hash in cached:
        put(there.cached(content_hash), {WEIGHTS: "weights"})
    remote = world.remotes[name]
    remote.link.welcome = replace(WELCOME, cached=list(cached))
    return remote


class Arrivals:
    """The end of a run, for which nobody waits: workers come meanwhile, or the run ends."""

    def __init__(self, *coming: Callable[[], bool]) -> None:
        self.coming = list(coming)

    def wait(self, timeout: float) -> bool:
        return self.coming.pop(0)() if self.coming else False


def mender(world: World, *coming: Callable[[], bool]) -> Mending:
    closing: Any = Arrivals(*coming)
    artefacts = world.courier._artefacts
    return Mending(artefacts.home, world.remotes, artefacts.reporter, closing)


def test_what_was_damaged_before_the_run_is_fetched_from_whoever_comes_and_has_it(
    world: World, found: str
) -> None:
    damage(world)
    world.add_worker("never", connected=False)

    def come() -> bool:
        holding(world, "donor", found)
        return False

    mender(world, lambda: False, come).mend_early(found)
    assert world.note().endswith("fetched anew from donor")
    assert world.store.verify(SPEC)["content_hash"] == found and world.silent()


def test_what_was_damaged_before_the_run_is_trained_again_where_nobody_has_it(
    world: World, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(world)
    mender(world).mend_early(found)
    assert world.event() == ev.BaseModelDamaged(5.0, SPEC)
    mender(world).mend_early(found)
    assert world.note().endswith("it is trained again") and world.silent()


def test_nobody_waits_for_ever_for_a_worker_that_may_have_it(world: World, found: str) -> None:
    damage(world)
    world.add_worker("never", connected=False)
    mender(world).mend_early(found)
    assert world.event() == ev.BaseModelDamaged(5.0, SPEC)


def test_workers_are_waited_for_once_for_all_base_models(
    world: World, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_worker("never", connected=False)
    closing: Any = Arrivals()
    waits = []
    monkeypatch.setattr(closing, "wait", lambda timeout: bool(waits.append(timeout)))
    artefacts = world.courier._artefacts
    own = Mending(artefacts.home, world.remotes, artefacts.reporter, closing)
    for _ in range(2):
        own.mend_early(found)
    assert sum(waits) == pytest.approx(mending.ARRIVAL_S)


def test_a_run_that_ends_before_a_worker_has_come_leaves_it_as_it_is(world: World, found: str) -> None:
    damage(world)
    world.add_worker("never", connected=False)
    mender(world, lambda: True).mend_early(found)
    assert world.silent() and (world.store.path(SPEC) / WEIGHTS).read_text() == "rotten"


def test_a_run_that_ends_has_it_from_a_worker_that_is_connected_and_awaits_no_other(
    world: World, found: str
) -> None:
    damage(world)
    put(world.add_worker("donor").cached(found), {WEIGHTS: "weights"})
    world.add_worker("never", connected=False)
    world.courier.mend([found])
    world.courier.finish_mending()
    assert world.note().endswith("fetched anew from donor") and world.silent()


def test_a_run_that_ends_without_any_worker_leaves_it_as_it_is(world: World, found: str) -> None:
    damage(world)
    world.line.welcome = None
    world.courier.mend([found])
    world.courier.finish_mending()
    assert world.silent() and (world.store.path(SPEC) / WEIGHTS).read_text() == "rotten"


def test_what_reads_as_it_should_now_is_told_so(world: World, found: str) -> None:
    world.courier.mend([found])
    assert world.note() == f"base model {SPEC} reads as it should now" and world.silent()


def test_a_disk_that_cannot_be_read_is_told(
    world: World, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mending, "holds", lambda path, wanted: path.joinpath("none").read_bytes())
    mender(world).mend_early(found)
    assert "cannot be mended: " in world.note()
