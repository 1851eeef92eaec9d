"""The store gives out nothing that is not what its manifest says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from master.errors import IntegrityError
from master.storage.base_model_store import BaseModelStore, is_directory_name, make_manifest
from master.storage.run_layout import RunLayout
from worker_agent.protocol.digests import content_hash, digest_directory
from worker_agent.protocol.outcome import BaseModelLeft

SPEC = "5" * 32


@pytest.fixture
def layout(tmp_path: Path) -> RunLayout:
    return RunLayout(tmp_path)


@pytest.fixture
def store(layout: RunLayout) -> BaseModelStore:
    return BaseModelStore(layout)


def trained(folder: Path, weights: str = "weights", name: str | None = None) -> tuple[Path, dict[str, Any]]:
    """Return a staged directory and the manifest for it."""
    (folder / "sub").mkdir(parents=True)
    (folder / "best_base_model.pt").write_text(weights)
    (folder / "sub" / "base_config.json").write_text("{}")
    files = digest_directory(folder)
    account = BaseModelLeft(content_hash(files), files, name)
    return folder, make_manifest(SPEC, {"lr": 0.1}, account, worker="lab1")


def fill(store: BaseModelStore, tmp_path: Path) -> dict[str, Any]:
    staged, manifest = trained(tmp_path / "staged")
    store.add(staged, manifest)
    return manifest


def test_what_is_added_is_found_and_whole(store: BaseModelStore, layout: RunLayout, tmp_path: Path) -> None:
    manifest = fill(store, tmp_path)
    assert store.verify(SPEC) == store.manifest(SPEC) == manifest
    assert (manifest["format"], manifest["config"], manifest["worker"]) == (2, {"lr": 0.1}, "lab1")
    assert store.scan([SPEC, "6" * 32]) == ({SPEC: manifest}, {})
    assert (layout.base_model(SPEC) / "best_base_model.pt").read_text() == "weights"
    assert not (tmp_path / "staged").exists()


def test_it_is_found_under_the_name_that_the_script_gave_it(
    store: BaseModelStore, layout: RunLayout, tmp_path: Path
) -> None:
    store.add(*trained(tmp_path / "staged", name="base_p1_p2"))
    link = layout.base_models / "base_p1_p2"
    assert (link / "best_base_model.pt").read_text() == "weights"
    assert link.readlink() == Path(SPEC)
    assert [manifest["spec_hash"] for manifest in store.manifests()] == [SPEC]
    staged, manifest = trained(tmp_path / "other", "new weights", name="base_p1_p2")
    store.add(staged, {**manifest, "spec_hash": "6" * 32})
    assert (link / "best_base_model.pt").read_text() == "new weights"


@pytest.mark.parametrize("name", [".hidden", "a\nb", SPEC, None])
def test_other_names_lead_nowhere(
    store: BaseModelStore, layout: RunLayout, tmp_path: Path, name: str | None
) -> None:
    store.add(*trained(tmp_path / "staged", name=name))
    assert [path.name for path in layout.base_models.iterdir()] == [SPEC]


def test_a_name_that_is_anothers_hash_never_stands_for_it(
    store: BaseModelStore, layout: RunLayout, tmp_path: Path
) -> None:
    other = "6" * 32
    store.add(*trained(tmp_path / "staged", name=other))
    assert (layout.base_models / other).is_symlink()
    assert store.scan([SPEC, other])[0].keys() == {SPEC} and store.scan([other])[1] == {}
    staged, manifest = trained(tmp_path / "right", "right")
    store.add(staged, {**manifest, "spec_hash": other})
    assert (layout.base_model(other) / "best_base_model.pt").read_text() == "right"
    assert (layout.base_model(SPEC) / "best_base_model.pt").read_text() == "weights"


def change(folder: Path) -> None:
    (folder / "best_base_model.pt").write_text("weightz")


def remove(folder: Path) -> None:
    (folder / "best_base_model.pt").unlink()


def add(folder: Path) -> None:
    (folder / "more.txt").touch()


def tear(folder: Path) -> None:
    (folder / "manifest.json").write_text((folder / "manifest.json").read_text()[:-20])


def forget(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def edit(**changes: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps({**manifest, **changes}))

    return damage


DAMAGES = {
    "changed": (change, "best_base_model.pt not as in the manifest"),
    "removed": (remove, "best_base_model.pt not as in the manifest"),
    "added": (add, "more.txt not as in the manifest"),
    "manifest torn": (tear, "not a valid manifest"),
    "manifest gone": (forget, "not a valid manifest"),
    "of another base model": (edit(spec_hash="6" * 32), "describes something else"),
    "with another hash": (edit(content_hash="0" * 64), "describes something else"),
    "with a path that climbs": (edit(files=[["../x", 1, "a"]]), "unsafe path"),
    "with a name that climbs": (edit(name="../../x"), "is not a directory's"),
    "with strange files": (edit(files=3), "not a valid manifest"),
}


@pytest.mark.parametrize(("damage", "says"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_found(
    store: BaseModelStore, layout: RunLayout, tmp_path: Path, damage: Callable[[Path], None], says: str
) -> None:
    fill(store, tmp_path)
    damage(layout.base_model(SPEC))
    with pytest.raises(IntegrityError, match=says):
        store.verify(SPEC)
    whole, damaged = store.scan([SPEC])
    assert whole == {} and says in damaged[SPEC]


def test_what_is_set_aside_is_kept(store: BaseModelStore, layout: RunLayout, tmp_path: Path) -> None:
    places = []
    for weights in ("one", "two"):
        staged, manifest = trained(tmp_path / weights, weights)
        store.add(staged, manifest)
        places.append(store.set_aside(SPEC))
    assert [(place / "best_base_model.pt").read_text() for place in places] == ["one", "two"]
    assert store.scan([SPEC]) == ({}, {})
    assert all(place.is_relative_to(layout.state) for place in places)


def test_the_same_base_model_again_changes_nothing(
    store: BaseModelStore, layout: RunLayout, tmp_path: Path
) -> None:
    fill(store, tmp_path)
    before = layout.base_model(SPEC).stat().st_ino
    store.add(*trained(tmp_path / "again"))
    assert layout.base_model(SPEC).stat().st_ino == before


@pytest.mark.parametrize("damaged", [True, False])
def test_another_one_replaces_it_and_keeps_the_old(
    store: BaseModelStore, layout: RunLayout, tmp_path: Path, damaged: bool
) -> None:
    fill(store, tmp_path)
    if damaged:
        tear(layout.base_model(SPEC))
    staged, manifest = trained(tmp_path / "new", "new weights")
    store.add(staged, manifest)
    assert store.verify(SPEC) == manifest
    (kept,) = layout.set_aside("x").parent.iterdir()
    assert (kept / "best_base_model.pt").read_text() == "weights"


@pytest.mark.parametrize("name", [None, "cnn", "lr 0.1", "ä"])
def test_names_of_directories(name: str | None) -> None:
    assert is_directory_name(name)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/", "a\0b", 3, ["a"]])
def test_names_that_are_none(name: object) -> None:
    assert not is_directory_name(name)
