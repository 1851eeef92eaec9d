"""Bugs that somebody might make in pruning."""

from __future__ import annotations

from master.core.running import attempts
from master.core.running.pruning.contests import Contests
from master.core.running.pruning.rules import Halving
from tests.simulation.mutation import Mutation
from tests.simulation.schedules import WITH_PRUNING

OF_PRUNING = (
    Mutation(
        "the worst of those compared go on",
        Halving.holds,
        "own <= self.bar([*others, own])",
        "own >= max([*others, own])",
        breaks="the_best_of_those_compared_is_never_ended",
        first=WITH_PRUNING,
    ),
    Mutation(
        "who was ended is not looked at again as others fail",
        Contests.note_move,
        "if state in _CHANGING:",
        "if False:",
        breaks="whoever_may_go_on_does",
        first=WITH_PRUNING,
    ),
    Mutation(
        "what was told to end is tried again",
        attempts.end_attempt,
        "if record.pruned_at:",
        "if False:",
        breaks="who_was_told_to_end_is_pruned_or_has_succeeded",
        first=WITH_PRUNING,
    ),
)
