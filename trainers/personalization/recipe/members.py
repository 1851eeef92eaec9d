"""Several models of one job, alike but for their seeds, whose probabilities are averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from trainers.common.seeds import derive_seed
from trainers.personalization.fitting.courses import CheckpointPlan, Report
from trainers.personalization.networks import logits


class Average(nn.Module):
    """Answers with the log of the mean probability that its members give to each class."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, X_NCT: Tensor) -> Tensor:
        """Return the log probabilities [N, K]."""
        each_MNK = torch.stack([logits(member, X_NCT).log_softmax(dim=1) for member in self.members])
        return each_MNK.logsumexp(dim=0) - torch.tensor(float(len(each_MNK))).log()


def averaged(members: Sequence[nn.Module]) -> nn.Module:
    """Return the members as one network; a single one is itself."""
    return members[0] if len(members) == 1 else Average(members)


def member_seed(seed: int, member: int) -> int:
    """Return the seed of one member; the first has that of the job, as if it were alone."""
    return derive_seed(seed, "member", member) if member else seed


def member_checkpoint(plan: CheckpointPlan | None, member: int) -> CheckpointPlan | None:
    """Return where one member's state is saved."""
    if plan is None or not member:
        return plan
    path = plan.path.with_stem(f"{plan.path.stem}_{member}")
    return replace(plan, path=path, job={**plan.job, "member": member})


def member_reports(report: Report, members: int) -> list[Report]:
    """Return a report for each member; together they count the epochs of all as one training."""
    done = [0] * members

    def of(member: int) -> Report:
        def told(epoch: int, epochs: int, **figures: float) -> None:
            if not any(done):  # all go on from about the same epoch
                done[:] = [epoch - 1] * members
            done[member] = epoch
            report(sum(done), members * epochs, **figures)

        return told

    return [of(member) for member in range(members)]
