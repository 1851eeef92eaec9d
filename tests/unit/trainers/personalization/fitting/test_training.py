from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from trainers.common.jobs.members import Cancelled
from trainers.personalization.data import Windows
from trainers.personalization.errors import DivergedError
from trainers.personalization.fitting.courses import CheckpointPlan, Progress, Report, Schedule, Trainee
from trainers.personalization.fitting.training import fit as fit_many
from trainers.personalization.sampling import Augmentation, TrainingSet, training_set
from trainers.personalization.scoring import Scores, evaluate

SCHEDULE = Schedule("target", 12, 12, 0.02, 0, Augmentation(0.1, (0.9, 1.1), 0.5))


def windows(count: int, seed: int) -> Windows:
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(count) % 3
    return Windows(torch.randn(count, 1, 6, generator=generator) + y[:, None, None], y)


TRAIN: TrainingSet = training_set(windows(12, 0), windows(30, 1), 8, 0.25)
VAL = windows(15, 2)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))


def fit(
    model: nn.Module,
    train: TrainingSet,
    val: Windows | None,
    schedule: Schedule,
    report: Report,
    checkpoint: CheckpointPlan | None = None,
) -> Progress:
    """Train one network alone."""
    ending = fit_many([Trainee(model, train, val, schedule, report, checkpoint)])[0]
    if isinstance(ending, Exception):
        raise ending
    return ending


def ignore(epoch: int, epochs: int, **metrics: float) -> None:
    """Report to nobody."""


class Interrupted(Exception):
    pass


def interrupt_after(last: int) -> Any:
    def report(epoch: int, epochs: int, **metrics: float) -> None:
        if epoch == last:
            raise Interrupted

    return report


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_training_learns_and_keeps_the_best_epoch() -> None:
    model = network()
    progress = fit(model, TRAIN, VAL, SCHEDULE, ignore)
    losses = progress.curves["val_loss"]
    assert len(losses) == 12
    assert losses[0] > min(losses) == losses[progress.best_epoch - 1]
    model.load_state_dict(progress.best_weights)
    best = evaluate(model, VAL)
    assert (best.loss, best.f1) == (progress.best("val_loss"), progress.best("val_f1"))


def test_equal_seeds_give_equal_weights_and_other_seeds_do_not() -> None:
    first, second, other = network(), network(), network()
    one, two = (fit(model, TRAIN, VAL, SCHEDULE, ignore) for model in (first, second))
    assert one.curves == two.curves
    assert same(first.state_dict(), second.state_dict())
    fit(other, TRAIN, VAL, replace(SCHEDULE, seed=1), ignore)
    assert not same(first.state_dict(), other.state_dict())


@pytest.mark.parametrize("last", [2, 4, 7, 11])
def test_a_resumed_training_ends_like_an_uninterrupted_one(tmp_path: Path, last: int) -> None:
    plan = CheckpointPlan(tmp_path / "state.pt", 2, {"job": 1})
    whole = network()
    expected = fit(whole, TRAIN, VAL, SCHEDULE, ignore)
    with pytest.raises(Interrupted):
        fit(network(), TRAIN, VAL, SCHEDULE, interrupt_after(last), plan)
    torch.manual_seed(99)
    resumed, epochs = network(), []
    progress = fit(resumed, TRAIN, VAL, SCHEDULE, lambda epoch, _, **__: epochs.append(epoch), plan)
    assert epochs[0] == (last - 1) // 2 * 2 + 1, "the report comes before the checkpoint of its epoch"
    assert progress.curves == expected.curves
    assert progress.best_epoch == expected.best_epoch
    assert same(progress.best_weights, expected.best_weights)
    assert same(resumed.state_dict(), whole.state_dict())


@pytest.mark.parametrize("after", [1, 3, 7])
def test_one_that_is_told_to_end_goes_on_from_the_epoch_where_it_was(tmp_path: Path, after: int) -> None:
    plan, asked = CheckpointPlan(tmp_path / "state.pt", 10, {}), iter(range(100))

    def may_go_on() -> None:
        if next(asked) >= after:
            raise Cancelled

    expected = fit(whole := network(), TRAIN, VAL, SCHEDULE, ignore)
    (ended,) = fit_many([Trainee(network(), TRAIN, VAL, SCHEDULE, ignore, plan, may_go_on)])
    assert isinstance(ended, Cancelled)
    resumed, epochs = network(), []
    progress = fit(resumed, TRAIN, VAL, SCHEDULE, lambda epoch, _, **__: epochs.append(epoch), plan)
    assert epochs[0] == after + 1
    assert progress.curves == expected.curves and same(progress.best_weights, expected.best_weights)
    assert same(resumed.state_dict(), whole.state_dict())


@pytest.mark.parametrize(("every", "after"), [(0, 3), (10, 0)])
def test_nothing_is_kept_where_none_is_asked_for_or_nothing_was_learnt(
    tmp_path: Path, every: int, after: int
) -> None:
    asked = iter(range(100))

    def may_go_on() -> None:
        if next(asked) >= after:
            raise Cancelled

    plan = CheckpointPlan(tmp_path / "state.pt", every, {})
    fit_many([Trainee(network(), TRAIN, VAL, SCHEDULE, ignore, plan, may_go_on)])
    assert list(tmp_path.iterdir()) == []


def test_a_finished_training_is_not_trained_further(tmp_path: Path) -> None:
    plan = CheckpointPlan(tmp_path / "state.pt", 12, {})
    expected = fit(network(), TRAIN, VAL, SCHEDULE, ignore, plan)
    again = network()
    progress = fit(again, TRAIN, VAL, SCHEDULE, interrupt_after(13), plan)
    assert progress.curves == expected.curves
    assert same(progress.best_weights, expected.best_weights)


@pytest.mark.parametrize("damage", [b"", b"half a file"])
def test_a_damaged_checkpoint_is_not_used(
    tmp_path: Path, damage: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = CheckpointPlan(tmp_path / "state.pt", 5, {})
    plan.path.write_bytes(damage)
    assert fit(network(), TRAIN, VAL, SCHEDULE, ignore, plan).epoch == 12
    assert "starting afresh: " in capsys.readouterr().err


def test_the_checkpoint_of_another_job_is_not_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = CheckpointPlan(tmp_path / "state.pt", 5, {"lr": 1})
    fit(network(), TRAIN, VAL, SCHEDULE, ignore, plan)
    progress = fit(network(), TRAIN, VAL, replace(SCHEDULE, epochs=3), ignore, replace(plan, job={"lr": 2}))
    assert progress.epoch == 3
    assert "another job" in capsys.readouterr().err


def test_no_checkpoint_is_written_for_none_asked(tmp_path: Path) -> None:
    fit(network(), TRAIN, VAL, SCHEDULE, ignore, CheckpointPlan(tmp_path / "state.pt", 0, {}))
    assert list(tmp_path.iterdir()) == []


def test_patience_ends_training_that_long_after_the_best_epoch() -> None:
    impatient = replace(SCHEDULE, epochs=500, patience=3, lr=0.1)
    progress = fit(network(), TRAIN, VAL, impatient, ignore)
    assert progress.epoch == progress.best_epoch + 3 < 500


@pytest.mark.parametrize(("patience", "over"), [(2, True), (3, False)])
def test_a_loss_that_only_equals_the_best_is_no_gain(patience: int, over: bool) -> None:
    progress = Progress()
    score = evaluate(network(), VAL)
    assert [progress.record(score, score) for _ in range(3)] == [True, False, False]
    assert progress.is_over(replace(SCHEDULE, patience=patience)) is over


def test_a_loss_that_is_no_number_stops_training() -> None:
    with pytest.raises(DivergedError, match=r"target training diverged: the \w+ loss of epoch \d+ is "):
        fit(network(), TRAIN, VAL, replace(SCHEDULE, lr=1e30), ignore)


def test_of_the_first_epochs_the_last_one_is_the_best() -> None:
    progress, losses = Progress(), (0.5, 0.9, 0.8, 0.85, 0.7)
    better = [progress.record(Scores(loss, 0, 0), Scores(loss, 0, 0), 2) for loss in losses]
    assert better == [True, True, True, False, True]
    assert progress.best_epoch == 5


def test_the_learning_rate_falls_along_the_epochs() -> None:
    schedule = replace(SCHEDULE, epochs=4, cosine=True)
    rates = [schedule.rate(epoch) for epoch in range(1, 5)]
    assert rates == pytest.approx([1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2])
    assert [SCHEDULE.rate(epoch) for epoch in (1, 12)] == [1, 1]
