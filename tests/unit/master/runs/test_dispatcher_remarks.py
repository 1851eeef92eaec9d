"""What the dispatcher makes of progress where jobs are compared."""

from __future__ import annotations

from master.adapters.inbox import Seen
from master.core.running import events as ev
from master.core.running.commands import Measured
from master.core.running.lifecycle import Trigger
from master.core.running.pruning.contests import Contests
from master.specs import ASHA, PruneSpec
from tests.unit.master.runs.test_dispatcher import FINISHED, HOME, KEYS, UP, World
from worker_agent.protocol.reports import Said


def test_progress_is_heard_where_jobs_are_compared_and_only_the_journal_has_what_is_kept() -> None:
    world = World(jobs=1)
    world.state.contests = Contests(PruneSpec(ASHA, "loss"))
    world.state.contests.enter("alpha/job0", "")
    seen = Seen("lab1", "alpha/job0", 1, Said(epoch=2, metrics={"loss": 0.5}))
    world.put(UP, ev.AttemptStarted(*KEYS[0]))
    world.inbox.put(seen)
    world.put(FINISHED[0], HOME[0])
    world.dispatcher.run()
    assert world.said("progress") == [seen]
    written = [item for batch in world.said("append") for item in batch]
    (remark,) = (item for item in written if item.trigger is Trigger.MEASURE)
    assert remark.measured == Measured("loss", 1, 0.5)
    assert remark not in world.said("shown")
