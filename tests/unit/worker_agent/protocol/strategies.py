"""Messages as they may be, and one that can be altered into what may not."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from worker_agent.protocol import messages as msg
from worker_agent.protocol.digests import FileDigest
from worker_agent.protocol.events import Event, EventKind, Running, Staging, Ticks
from worker_agent.protocol.outcome import BaseModelLeft, CheckpointLeft, Finished, Outcome
from worker_agent.protocol.reports import Progress, Said, WorkerFacts
from worker_agent.protocol.terms import JobLimits

HASH = "a" * 64
EVENT = Event(1, EventKind.FINISHED, "a", 1, 2.5, Finished(Outcome.FAILED, exit_code=1))

texts = st.text(max_size=12)
sizes = st.integers(0, 2**63 - 1)
seconds = st.floats(0, 2**36)
times = st.floats(0, 2**37)
paths = st.lists(st.text("aé\udc80 .-", min_size=1, max_size=5), min_size=1).map("/".join)
digests = st.builds(
    FileDigest, paths.filter(lambda path: not {"", ".", ".."} & {*path.split("/")}), sizes, texts
)
files = st.lists(digests, max_size=3)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


endings = st.builds(
    Finished,
    outcome=st.sampled_from(Outcome),
    exit_code=maybe(st.integers(-64, 255)),
    error=maybe(texts),
    slot=maybe(texts),
    started_at=maybe(times),
    duration_s=maybe(seconds),
    peak_rss_bytes=maybe(sizes),
    peak_gpu_bytes=maybe(sizes),
    stderr_tail=texts,
    files=files,
    log=maybe(digests),
    inline=maybe(st.dictionaries(texts, texts, max_size=2)),
    base_model=maybe(st.builds(BaseModelLeft, texts, files, maybe(texts))),
    checkpoint=maybe(st.builds(CheckpointLeft, maybe(texts), files, maybe(texts))),
)
events = st.one_of(
    *(
        st.builds(Event, sizes, st.just(kind), texts, sizes, times, details)
        for kind, details in (
            (EventKind.STAGING, st.just(Staging())),
            (EventKind.RUNNING, st.builds(Running, maybe(texts), sizes, st.builds(Ticks, sizes, sizes))),
            (EventKind.FINISHED, endings),
        )
    )
)
launches = st.builds(
    msg.Launch,
    texts,
    sizes,
    st.integers(1, 2),
    st.lists(texts, max_size=4),
    mounts=st.lists(st.builds(msg.Mount, texts, maybe(texts), maybe(texts)), max_size=3),
    env=st.dictionaries(texts, texts, max_size=2),
    timeout_s=maybe(st.floats(0, 1e9)),
    gpu_bytes=maybe(sizes),
    limits=maybe(st.builds(JobLimits, maybe(sizes), maybe(sizes), maybe(sizes))),
)
greetings = st.builds(
    msg.Welcome,
    *(st.just(1), texts, texts, st.lists(texts), st.floats(0, 64)),
    st.lists(st.builds(msg.AttemptKey, texts, sizes), max_size=3),
    st.lists(texts),
    texts,
    st.builds(WorkerFacts, texts, texts, st.none() | texts, sizes, sizes, sizes, texts),
    gpu_bytes=st.lists(sizes),
)
finite = st.floats(allow_nan=False, allow_infinity=False)
reports = st.builds(
    Progress,
    *(texts, sizes),
    st.builds(
        Said,
        *(st.none() | texts, st.none() | finite, st.none() | st.integers(0, 9)),
        st.none() | st.dictionaries(texts, finite, max_size=3),
    ),
)
hellos = st.builds(msg.Hello, st.just(1), texts, sizes, st.builds(msg.Settings, gpus=st.lists(texts)))


def altered(**changes: object) -> bytes:
    """Return the line of an event whose detail is other than it can be."""
    body = json.loads(msg.encode(EVENT))
    body["detail"].update(changes)
    return json.dumps(body).encode()
