"""Members that are trained at once: steps against a recorded run, compaction, validation, parents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.unit.trainers.tabular.models import tables
from tests.unit.trainers.tabular.training import made
from trainers.tabular.data.dataset import Columns, Problem
from trainers.tabular.models.registry import MODELS, ModelSpec, build
from trainers.tabular.training.losses import summed
from trainers.tabular.training.members import Examples, Member
from trainers.tabular.training.stack import VALIDATION_ROWS, Stack

CASES = Path(__file__).parents[1] / "models" / "cases"
RECORDED = json.loads((CASES / "realmlp.json").read_text())


def stack(name: str, members: list[Member], problem: Problem = tables.REGRESSION, **others: Any) -> Stack:
    options = made.options(**others)
    examples = made.examples(problem).to(options.device, options.dtype)
    return Stack(made.spec(name, problem), members, examples, options)


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_steps_of_realmlp_are_those_of_its_authors_package(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same weights, rates and batches, and after every step the same weights again."""
    recorded = RECORDED[kind]
    steps = recorded["steps"]
    inputs = torch.cat([torch.tensor(step["inputs"]) for step in steps])
    targets = torch.cat([torch.tensor(step["targets"]) for step in steps])
    columns = Columns(tuple(f"x{number}" for number in range(6)))
    problem = tables.REGRESSION if kind == "regression" else tables.MULTICLASS
    spec = ModelSpec("realmlp", columns, problem, {"hidden": 5, "layers": 2})
    recipe = {
        "schedule": "coslog4",
        "betas": (0.9, 0.95),
        "precision": "float32",
        "epochs": recorded["epochs"],
    }
    rate, smoothing = (0.07, 0.0) if kind == "regression" else (0.04, 0.1)
    options = made.options(**recipe, batch_size=16, label_smoothing=smoothing)
    given = {name: torch.tensor(value) for name, value in recorded["initial"].items()}
    start = {**build(spec).state_dict(), **given}
    rows = torch.arange(len(inputs))
    an_epoch = recorded["steps_an_epoch"] * 16
    member = Member(0, rate, 0.0, 0.0, rows[:an_epoch], rows[:16], start)
    examples = Examples(inputs, torch.zeros(len(inputs), 0, dtype=torch.int64), targets)
    trained = Stack(spec, [member], examples, options)
    for number, step in enumerate(steps):
        epoch, at = divmod(number, recorded["steps_an_epoch"])
        trained._rows.copy_(rows[16 * number :][:16][None])
        trained._losses.zero_()
        trained._take(epoch, at)
        assert float(trained._losses) == pytest.approx(step["loss"], rel=1e-5)
        found = trained.weights(0)
        for name, value in step["after"].items():
            torch.testing.assert_close(found[name], torch.tensor(value), rtol=2e-4, atol=2e-5, msg=name)


def test_the_loss_of_validation_is_that_of_all_its_rows() -> None:
    count = VALIDATION_ROWS + 100
    examples = made.examples(count=count + 80).to(torch.device("cpu"), torch.float64)
    members = [made.member(seed, val=torch.arange(80, 80 + count - 50 * seed)) for seed in range(2)]
    together = Stack(made.spec(), members, examples, made.options())
    for number, (member, loss) in enumerate(zip(members, together.validate(), strict=True)):
        alone = build(made.spec()).double()
        alone.load_state_dict(together.weights(number))
        rows = examples.take(member.val)
        outputs = alone(rows.numeric, rows.categories)
        expected = summed(tables.REGRESSION, outputs[None], rows.targets[None]).mean[0]
        torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)


def test_members_that_are_kept_go_on_as_before() -> None:
    members = [made.member(seed) for seed in range(3)]
    whole, part = stack("mlp", members), stack("mlp", members)
    for number in range(2):
        whole.epoch(number)
    part.epoch(0)
    part.keep([0, 2])
    losses = part.epoch(1)
    assert losses.shape == (2,)
    for at, member in enumerate((0, 2)):
        for name, value in part.weights(at).items():
            torch.testing.assert_close(value, whole.weights(member)[name], rtol=1e-12, atol=1e-12)


def test_rounding_to_bfloat16_leaves_weights_and_losses_in_float32() -> None:
    for members in ([made.member(0)], [made.member(0), made.member(1)]):
        rounded = stack("mlp", members, precision="bfloat16")
        exact = stack("mlp", members, precision="float32")
        losses = rounded.epoch(0), exact.epoch(0)
        torch.testing.assert_close(*losses, rtol=0.05, atol=0)
        assert not torch.equal(*losses)
        assert rounded.weights(0)["head.weight"].dtype == torch.float32


@pytest.mark.parametrize(
    "problem", [tables.BINARY, tables.MULTICLASS, tables.TWO_TARGETS_AND_VIABILITY, tables.REGRESSION]
)
@pytest.mark.parametrize("name", MODELS)
def test_every_network_learns_every_problem(name: str, problem: Problem) -> None:
    on_its_own_rows = made.member(learning_rate=0.02, val=torch.arange(80))
    trained = stack(name, [on_its_own_rows], problem, precision="float32")
    before = float(trained.validate())
    for number in range(8):
        trained.epoch(number)
    assert float(trained.validate()) < 0.9 * before
