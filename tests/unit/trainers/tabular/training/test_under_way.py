"""A training of several: what its checkpoint holds of a stack that others share, and what comes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.unit.trainers.tabular.training import made
from tests.unit.trainers.tabular.training.test_together import training
from trainers.common.errors import BadInput
from trainers.tabular.training.members import DivergedError
from trainers.tabular.training.stack import Stack
from trainers.tabular.training.under_way import UnderWay


def begun(path: Path, *seeds: int) -> UnderWay:
    members = [made.member(seed) for seed in seeds]
    return UnderWay(0, training(*members, checkpoint=path, checkpoint_seconds=0.0))


def test_a_checkpoint_holds_the_rows_of_own_members_alone(tmp_path: Path) -> None:
    own, other = begun(tmp_path / "a.pt", 1, 2), begun(tmp_path / "b.pt", 3)
    seats = [own.seats[0], other.seats[0], own.seats[1]]
    given, options = own.training, own.training.options
    stack = Stack(
        given.spec, [seat.given for seat in seats], given.examples.to(options.device, options.dtype), options
    )
    losses = stack.epoch(0)
    for seat, loss in zip(seats, losses.tolist(), strict=True):
        seat.course.saw({"epoch": 1, "train_loss": loss, "val_loss": loss, "rate": 0.1}, 0.5)
    own.save([(0, seats[0]), (2, seats[2])], stack.state)
    again = begun(tmp_path / "a.pt", 1, 2)
    assert [seat.goes_on for seat in again.seats] == [True, True] and again.begun_at == 1
    assert not begun(tmp_path / "b.pt", 3).seats[0].goes_on
    for seat, place in zip(again.seats, (0, 2), strict=True):
        assert seat.before is not None
        for name, value in stack.weights(place).items():
            assert torch.equal(seat.before["weights"][name], value)
    alone = Stack(given.spec, given.members, given.examples.to(options.device, options.dtype), options)
    alone.restore([seat.before for seat in again.seats if seat.before])
    torch.testing.assert_close(alone.epoch(1), stack.epoch(1)[[0, 2]], rtol=1e-10, atol=0)


def test_members_have_stopped_by_their_course_or_with_their_training() -> None:
    one = UnderWay(0, training(made.member(0), made.member(1), epochs=1))
    assert [seat.has_stopped for seat in one.seats] == [False, False] and not one.is_done
    one.seats[0].course.saw({"epoch": 1, "train_loss": 1.0, "val_loss": 1.0, "rate": 0.1}, 0.5)
    assert [seat.has_stopped for seat in one.seats] == [True, False]
    one.is_open = False
    assert one.seats[1].has_stopped


def test_what_came_of_it_tells_who_never_had_a_loss() -> None:
    one = UnderWay(0, training(made.member(0), made.member(7, learning_rate=0.5), epochs=1))
    for seat, loss in zip(one.seats, (1.0, float("nan")), strict=True):
        seat.course.saw({"epoch": 1, "train_loss": loss, "val_loss": loss, "rate": 0.1}, 0.5)
        one.checkpoint.finished(seat.member, seat.course)
    found = one.outcome()
    assert one.is_done and isinstance(found, DivergedError)
    assert "(seed 7 at rate 0.5)" in str(found) and len(found.trained) == 2


def test_a_checkpoint_whose_members_under_way_are_damaged_is_told(tmp_path: Path) -> None:
    first = begun(tmp_path / "a.pt", 1)
    first.checkpoint.saw([0], [first.seats[0].course], {"weights": {}})
    with pytest.raises(BadInput, match=r"a\.pt: cannot be read as the state of a training \(delete it"):
        begun(tmp_path / "a.pt", 1)


def test_a_checkpoint_of_another_form_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = begun(tmp_path / "a.pt", 1)
    first.checkpoint.between()
    monkeypatch.setattr("trainers.tabular.training.under_way.FORM", 3)
    with pytest.raises(BadInput, match=r"form was 2, is 3\); delete it to begin anew"):
        begun(tmp_path / "a.pt", 1)
