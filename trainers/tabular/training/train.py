"""Training members to the end, and what came of each."""

from __future__ import annotations

from collections.abc import Sequence

from trainers.common.errors import TrainerError
from trainers.tabular.models.registry import ModelSpec
from trainers.tabular.training.members import Examples, Member, Options, Reports, Trained, Training
from trainers.tabular.training.together import Outcome, train_together


def train_members(
    spec: ModelSpec,
    examples: Examples,
    members: Sequence[Member],
    options: Options,
    reports: Reports | None = None,
) -> list[Trained]:
    """Train members of one network and return what came of each, in their order.

    Whether they are trained stacked or in turn changes only how long it takes, but for rounding.  Goes on
    from the checkpoint of the options, where there is one, to the bit.  BadInput where a member has no rows;
    DivergedError where a loss is no number before a first epoch is over, after all others are trained.
    """
    outcomes: list[Outcome] = []
    training = Training(spec, examples, members, options, reports or Reports())
    train_together([training], lambda _, outcome: outcomes.append(outcome))
    (outcome,) = outcomes
    if isinstance(outcome, (TrainerError, OSError)):
        raise outcome
    return outcome
