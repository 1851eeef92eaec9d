"""What a view remembers between two refreshes."""

from __future__ import annotations

from master.runs.notices import Seen
from master.view.feed import Feed
from tests.support.scripted_run import ScriptedRun, jobs_spec
from worker_agent.protocol.reports import Said


class Watching(Feed):
    """A feed that follows a run."""

    def transition(self, transition: object, state: object = None) -> None:
        super().transition(transition)  # type: ignore[arg-type]


def started(feed: Watching) -> ScriptedRun:
    run = ScriptedRun(jobs_spec(2, 0), ["lab1"], watcher=feed)
    run.up("lab1", 2)
    run.start("job0")
    return run


def seen(said: Said, slot: str | None = None, attempt: int = 1) -> Seen:
    return Seen("lab1", "alpha/job0", attempt, said, slot)


def test_what_an_attempt_no_longer_speaks_of_stays_as_it_was() -> None:
    feed = Watching()
    run = started(feed)
    feed.progress(seen(Said(), "gpu1"))
    feed.progress(seen(Said("epoch 1", 1, 30, {"loss": 0.5})))
    feed.take(run.state)
    feed.progress(seen(Said("saving", metrics={"f1": 0.9})))
    feed.take(run.state)
    active = feed.active["alpha/job0"]
    assert (active.slot, active.said) == ("gpu1", Said("saving", 1, 30, {"f1": 0.9}))


def test_the_first_words_may_come_before_the_start() -> None:
    feed = Watching()
    run = ScriptedRun(jobs_spec(2, 0), ["lab1"], watcher=feed)
    run.up("lab1", 2)
    feed.progress(seen(Said("early"), "cpu0"))
    feed.take(run.state)
    assert "alpha/job0" not in feed.active
    run.start("job0")
    feed.take(run.state)
    assert (feed.active["alpha/job0"].slot, feed.active["alpha/job0"].said.line) == ("cpu0", "early")


def test_what_belongs_to_no_attempt_is_forgotten() -> None:
    feed = Watching()
    run = started(feed)
    feed.progress(seen(Said("old"), attempt=7))
    feed.take(run.state)
    feed.take(run.state)
    assert feed.active["alpha/job0"].said == Said() and ("alpha/job0", 7) not in feed._seen


def test_notes_are_given_out_once_and_clean() -> None:
    feed = Feed(clock=lambda: 5.0)
    feed.note("lab1: \x1b[31mup")
    (line,) = feed.take_notes()
    assert (line.at, line.text) == (5.0, "lab1: up")
    assert feed.take_notes() == []
