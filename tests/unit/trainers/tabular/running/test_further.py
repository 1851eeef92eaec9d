"""Base models of tables that start from others: everybody else, then a group of them, then one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.trainers.tabular.test_run import quiet, request
from trainers.common.errors import BadInput
from trainers.tabular.request import Request
from trainers.tabular.results.saved import load_model
from trainers.tabular.run import train
from trainers.tabular.running.further import check_parent, check_sizes
from trainers.tabular.training import under_way

GROUP = {"only_groups": ["1", "2", "3", "7"]}
STILL = {"tune_learning_rate": 1e-12, "tune_epochs": 1}


def generation(folder: Path, name: str, parent: str | None, given: dict[str, Any], **others: Any) -> Request:
    start = None if parent is None else folder / parent
    made = {"target_group": "7", "is_base": True, "output_dir": folder / name, "start": start, **others}
    return request(folder, given, checkpoint_dir=folder / f"{name}-kept", **made)


def weights(folder: Path) -> dict[str, Any]:
    return dict(load_model(folder / "mlp").members[0].state)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The base model of everybody but group 7."""
    train(generation(tmp_path, "root", None, {}), quiet)
    return tmp_path / "root"


def test_a_child_begins_with_the_weights_of_its_parent(tmp_path: Path, root: Path) -> None:
    lines: list[str] = []
    train(generation(tmp_path, "still", "root", {**GROUP, **STILL}), lines.append)
    assert "30 of 120 rows are of the wanted groups" in lines  # three groups of ten: never the target's
    assert all(one.allclose(weights(root)[name]) for name, one in weights(tmp_path / "still").items())
    train(generation(tmp_path, "child", "root", {**GROUP, "tune_learning_rate": 0.1}), quiet)
    assert any(not one.allclose(weights(root)[name]) for name, one in weights(tmp_path / "child").items())
    child, parent = (load_model(folder / "mlp") for folder in (tmp_path / "child", root))
    assert child.statistics[0].to_json() == parent.statistics[0].to_json()


def test_a_person_starts_from_the_group_as_from_any_base_model(tmp_path: Path, root: Path) -> None:
    train(generation(tmp_path, "child", "root", GROUP), quiet)
    train(generation(tmp_path, "one", "child", {**GROUP, **STILL}, is_base=False), quiet)
    found, child = weights(tmp_path / "one"), weights(tmp_path / "child")
    assert all(one.allclose(child[name]) for name, one in found.items())


def test_another_try_goes_on_from_its_own_checkpoint(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = generation(tmp_path, "child", "root", {**GROUP, "tune_epochs": 3})
    train(child, quiet)
    whole = weights(tmp_path / "child")
    train(generation(tmp_path, "other", None, {"epochs": 3}), quiet)
    again = replace(child, output_dir=tmp_path / "again", checkpoint_dir=tmp_path / "again-kept")
    with pytest.raises(KeyboardInterrupt), monkeypatch.context() as patched:
        patched.setattr(under_way.UnderWay, "save", _killed(under_way.UnderWay.save))
        train(again, quiet)
    for file in ("model.json", "weights.safetensors"):  # repeated after damage, it came out with other bits
        (root / "mlp" / file).write_bytes((tmp_path / "other" / "mlp" / file).read_bytes())
    train(again, quiet)
    found = weights(tmp_path / "again")
    assert all(one.equal(whole[name]) for name, one in found.items())


def _killed(save: Any) -> Any:
    def saved(self: under_way.UnderWay, *rest: Any) -> None:
        self.checkpoint._written = float("-inf")
        save(self, *rest)
        raise KeyboardInterrupt

    return saved


@pytest.mark.parametrize(
    ("given", "others", "told"),
    [
        ({"sizes": ["mlp.hidden=16"]}, {}, "its mlp has hidden 8, --sizes asks for 16; both must be equal"),
        ({}, {"target_group": "3"}, "did not leave out 3, the target group of the job: give `target_group`"),
        ({"models": ["realmlp"], "sizes": []}, {}, "has no model of realmlp; it has mlp"),
        ({"targets": ["z"], "exclude": ["y"]}, {}, "the base model predicts y, the training z"),
    ],
)
def test_a_parent_of_another_shape_is_refused_and_nothing_is_made(
    tmp_path: Path, root: Path, given: dict[str, Any], others: dict[str, Any], told: str
) -> None:
    with pytest.raises(BadInput) as refused:
        train(generation(tmp_path, "child", "root", {**GROUP, **given}, **others), quiet)
    assert told in str(refused.value)
    assert not (tmp_path / "child").exists() and not (tmp_path / "child-kept").exists()


def test_sizes_that_are_not_asked_for_are_the_parents(tmp_path: Path, root: Path) -> None:
    spec = load_model(root / "mlp").spec
    check_sizes(generation(tmp_path, "child", "root", {"sizes": ["mlp.hidden=8"]}), spec)
    check_sizes(generation(tmp_path, "child", "root", {"sizes": ["realmlp.hidden=9"]}), spec)


def test_by_hand_who_was_left_out_is_for_the_user_to_say(tmp_path: Path, root: Path) -> None:
    check_parent(generation(tmp_path, "child", "root", {}, is_base=False, target_group="3"))
    check_parent(generation(tmp_path, "child", "root", {}, target_group=None))
