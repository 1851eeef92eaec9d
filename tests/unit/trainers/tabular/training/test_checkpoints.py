"""The file that an interrupted training goes on from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from trainers.common.errors import BadInput
from trainers.tabular.training.checkpoints import Checkpoint
from trainers.tabular.training.courses import Course


def done(epoch: int) -> Course:
    course = Course(best={"weight": torch.tensor([float(epoch)])})
    course.saw({"epoch": epoch, "train_loss": 1.0, "val_loss": 1.0, "rate": 0.1}, 0.5)
    return course


def test_what_was_done_and_under_way_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    written = Checkpoint(path, {"model": "mlp"}, 0.0)
    written.finished(1, done(3))
    written.saw([0, 2], [done(1), done(1)], {"weights": {"a": torch.ones(2)}})
    read = Checkpoint(path, {"model": "mlp"}, 0.0)
    assert read.done == {1: done(3)}
    assert read.under_way is not None
    assert read.under_way["members"] == [0, 2]
    assert torch.equal(read.under_way["state"]["weights"]["a"], torch.ones(2))


def test_between_members_none_is_under_way(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    written = Checkpoint(path, {}, 0.0)
    written.saw([0], [done(1)], {})
    written.finished(0, done(2))
    written.between()
    read = Checkpoint(path, {}, 0.0)
    assert (read.done, read.under_way) == ({0: done(2)}, None)


def test_it_is_not_written_at_every_epoch(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    Checkpoint(path, {}, 3600.0).saw([0], [done(1)], {})
    assert not path.exists()


def test_it_is_written_soon_then_after_twice_as_long_up_to_the_usual_pause(tmp_path: Path) -> None:
    path, now = tmp_path / "checkpoint.pt", [0.0]
    checkpoint = Checkpoint(path, {}, 60.0, lambda: now[0])
    written = []
    for second in range(1, 301):
        now[0] = second
        checkpoint.saw([0], [done(1)], {})
        if path.exists():
            written.append(second)
            path.unlink()
    assert written == [5, 10, 20, 40, 80, 140, 200, 260]


def test_that_of_another_training_is_refused_with_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    Checkpoint(path, {"model": "mlp"}, 0.0).between()
    with pytest.raises(BadInput, match='model was "mlp", is "tabm"'):
        Checkpoint(path, {"model": "tabm"}, 0.0)


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_text("nothing")
    with pytest.raises(BadInput, match="delete it to begin anew"):
        Checkpoint(path, {}, 0.0)


def test_without_a_path_nothing_is_written() -> None:
    checkpoint = Checkpoint(None, {}, 0.0)
    checkpoint.saw([0], [done(1)], {})
    checkpoint.between()
    assert checkpoint.under_way is None
