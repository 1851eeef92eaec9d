"""All contests of a run, and which of them are to be looked at again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from master.core.nearest import shown
from master.core.running.commands import Measured
from master.core.running.lifecycle import SPARING, State, Trigger
from master.core.running.pruning.contest import Contest
from master.core.running.pruning.rules import rule_of
from master.specs import EPOCH, MAXIMIZE, PruneSpec
from worker_agent.protocol.reports import Said

_LARGEST = 1e300
"""A figure or a step beyond is none."""
_MOST_NAMES = 20
_CHANGING = frozenset({State.PRUNED, State.FAILED, State.CANCELLED, State.BLOCKED})
"""Who comes into these states may make room for another, or is to be asked about."""


class Contests:
    """What the jobs of a search have come to."""

    def __init__(self, spec: PruneSpec) -> None:
        self.spec = spec
        self._rule = rule_of(spec)
        self._sign = -1.0 if spec.direction == MAXIMIZE else 1.0
        self._contests: dict[str, Contest] = {}
        self._of: dict[str, str] = {}
        """Job → contest."""
        self.to_look_at: dict[str, None] = {}
        """Contests in which somebody may be promoted."""
        self.heard: set[str] = set()
        """Jobs that told of what they are compared by …"""
        self.names: dict[str, None] = {}
        """… and metrics that jobs told of."""

    def enter(self, job_id: str, contest: str) -> None:
        """Take a job in."""
        self._contests.setdefault(contest, Contest(self._rule)).enter(job_id)
        self._of[job_id] = contest
        self.to_look_at[contest] = None

    def of(self, job_id: str) -> Contest:
        """Return the contest of a job, which has one."""
        return self._contests[self._of[job_id]]

    def next_to_look_at(self) -> Contest | None:
        """Take out a contest in which somebody may be promoted."""
        contest = next(iter(self.to_look_at), None)
        if contest is None:
            return None
        del self.to_look_at[contest]
        return self._contests[contest]

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._of

    def note_move(self, job_id: str, trigger: Trigger, state: State) -> None:
        """Note what has become of a job."""
        if trigger in SPARING:
            self.of(job_id).let_pass(job_id)
        if state in _CHANGING:
            self.to_look_at[self._of[job_id]] = None

    def take(self, job_id: str, said: Said) -> list[Measured]:
        """Take in what a job says of itself, and return what it has come to with it at which marks."""
        metrics = said.metrics or {}
        self._note_names(metrics)
        step = said.epoch if self.spec.step == EPOCH else metrics.get(self.spec.step)
        value = metrics.get(self.spec.metric)
        if step is None or value is None or not 0 < step <= _LARGEST or abs(value) > _LARGEST:
            return []
        self.heard.add(job_id)
        reached = self.of(job_id).reach(job_id, (step, self._sign * value))
        if reached:
            self.to_look_at[self._of[job_id]] = None
        return [self.measured(*each) for each in reached]

    def silent(self) -> list[str]:
        """Return the jobs that told nothing of what they are compared by."""
        return [job_id for job_id in self._of if job_id not in self.heard]

    def why_silent(self, silent: Sequence[str]) -> str:
        """Say that jobs could not be compared, and what they told of instead."""
        which = silent[0] if len(silent) == 1 else f"{silent[0]} and {len(silent) - 1} more"
        wanted = " and ".join(shown(name) for name in (self.spec.metric, self.spec.step) if name != EPOCH)
        told = ", ".join(shown(name) for name in self.names if name not in (self.spec.metric, self.spec.step))
        advice = f"it reports {told}" if told else "its script reports no metrics of its progress"
        return f"{which} could not be pruned, never having told of {wanted}: {advice}"

    def measured(self, mark: float, figure: float) -> Measured:
        """Return what a contest tells of a mark, in the job's own terms."""
        return Measured(self.spec.metric, mark, self._sign * figure)

    def note(self, job_id: str, measured: Measured) -> None:
        """Take in what the journal tells; what jobs were compared by before is nothing to today's."""
        if job_id in self._of and measured.metric == self.spec.metric:
            self.heard.add(job_id)
            self.of(job_id).note(job_id, measured.step, self._sign * measured.value)

    def _note_names(self, metrics: Iterable[str]) -> None:
        if len(self.names) < _MOST_NAMES:
            self.names.update(dict.fromkeys(metrics))
