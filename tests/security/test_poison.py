"""Whatever passes as an ending can be taken in, kept, read again and shown: nothing poisons the journal."""

from __future__ import annotations

import io
import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from master.core.planning.plan import make_plan
from master.core.running import events as ev
from master.core.running.commands import Transition
from master.core.running.policy import Policy
from master.core.running.records import RunState
from master.core.running.recovery import recover
from master.core.running.run_state import begin, step
from master.core.running.summary import job_rows
from master.storage.journal import Journal
from master.view.lines import line_of
from tests.support.scripted_run import jobs_spec
from worker_agent.protocol import messages as msg
from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.events import Event, EventKind
from worker_agent.protocol.outcome import Finished, Outcome

words = st.text(st.characters(codec=None), max_size=20) | st.sampled_from(
    ["\ud800x", "\udcff", "\x00", "\x1b[2J", "a\nlab2: down", "\u202e" + "gpj", "9" * 5000]
)
numbers = st.sampled_from([0.0, 1e300, 2.0**36, -1.0, float("inf"), float("nan"), 10**400, True])


@st.composite
def said(draw: st.DrawFn) -> Finished | None:
    """Return an ending as it comes off the wire; None for what is no message."""
    body = Finished(
        draw(st.sampled_from(Outcome)),
        draw(st.integers(-(10**12), 10**12)),
        error=draw(words),
        slot=draw(words),
        started_at=draw(numbers),
        duration_s=draw(numbers),
        stderr_tail=draw(words),
        executor=draw(words),
        executor_note=draw(words),
        left_running=draw(st.lists(words, max_size=2)),
        group=draw(st.none() | words),
        together=draw(st.none() | st.integers(-1, 10**12)),
    )
    try:
        line = msg.encode(Event(1, EventKind.FINISHED, "alpha/job0", 1, 1.0, body))
        detail = msg.decode(line).detail  # type: ignore[union-attr]
    except (MessageError, OverflowError):
        return None
    assert isinstance(detail, Finished)
    return detail


@settings(max_examples=60, deadline=None)
@given(st.lists(said(), min_size=1, max_size=3))
def test_an_ending_is_kept_read_and_shown(endings: list[Finished | None]) -> None:
    plan, policy = make_plan(jobs_spec(1, 0), {}), Policy(retries=2)
    state = RunState.fresh(plan, policy, ["lab1"])
    transitions: list[Transition] = [*begin(state, 0.0).transitions]
    transitions += step(state, ev.WorkerUp(0.0, "lab1", 1)).transitions
    for attempt, ending in enumerate((item for item in endings if item), 1):
        event = ev.AttemptFinished(float(attempt), "lab1", "alpha/job0", attempt, ending)
        transitions += step(state, event).transitions
        transitions += step(state, ev.Tick(1e6 * attempt)).transitions
    with tempfile.TemporaryDirectory() as folder, closing(Journal(Path(folder, "journal"))) as journal:
        journal.append(transitions)
        again = recover(plan, policy, ["lab1"], journal.transitions())
    assert again.jobs["alpha/job0"].state is not None
    console = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="strict"), width=80)
    for transition in transitions:
        if line := line_of(transition, state.jobs["alpha/job0"]):
            assert "\n" not in line.text and "\x1b" not in line.text
            console.print(line.text, markup=False)
    job_rows(state, 2)
