"""What a trainer that trains several jobs at once is given."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TextIO

from worker_agent.protocol.members import EXIT_CANCELLED, GroupMain, Member


@dataclass
class Plain:
    """A member that is no more than the contract."""

    argv: list[str]
    environ: dict[str, str] = field(default_factory=dict)
    directory: str = "/nowhere"
    output: TextIO = field(default_factory=io.StringIO)
    is_cancelled: bool = False
    codes: list[int] = field(default_factory=list)

    def cancelled(self) -> bool:
        return self.is_cancelled

    def finish(self, code: int) -> None:
        self.codes.append(code)


def _train(members: Sequence[Member]) -> None:
    for member in members:
        print(*member.argv, file=member.output)
        member.finish(EXIT_CANCELLED if member.cancelled() else 0)


def test_a_trainer_finishes_each_member_with_a_code_of_its_own() -> None:
    train: GroupMain = _train
    calm, stopped = Plain(["--lr", "1"]), Plain(["--lr", "2"], is_cancelled=True)
    train([calm, stopped])
    assert (calm.codes, stopped.codes) == ([0], [130])
    assert isinstance(calm.output, io.StringIO) and calm.output.getvalue() == "--lr 1\n"
