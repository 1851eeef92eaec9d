"""A cache that is too large, between real agents of several runs."""

from __future__ import annotations

import os
import signal

from tests.integration.agent_harness import Host, Master, end, until
from worker_agent.protocol import messages as msg

READ = "import os; print(open(os.environ['TWOPHASE_BASE_MODEL_DIR'] + '/f').read())"
MAKE = "import os; open(os.environ['TWOPHASE_BASE_MODEL_DIR'] + '/best.pt', 'w').write('w' * 100)"
SIZE = 1000
"""Bytes of an artefact of these tests."""


def bring(host: Host, master: Master, word: str, run_id: str = "r1") -> str:
    """Deliver an artefact, use it once, and return its name."""
    name = host.deliver({"f": word * (SIZE // len(word))}, run_id)
    master.send(msg.Delivered(name))
    use(master, word, name)
    return name


def use(master: Master, job_id: str, name: str) -> None:
    master.launch(job_id, READ, base_model=name)
    assert master.finished(job_id).outcome == "succeeded"
    master.send(msg.Release(job_id, 1))
    master.settle()


def is_here(host: Host, name: str) -> bool:
    return host.work().cached(name).exists()


def leave(host: Host, master: Master, run_id: str) -> None:
    """Let the agent of a run end."""
    pid = host.agent_pid(run_id)
    master.leave()
    end(pid, signal.SIGTERM)


def age(host: Host, *names: str) -> None:
    """Let artefacts have been used long ago, the first before the others."""
    for number, name in enumerate(names):
        os.utime(host.work().cached(f"{name}.stat.json"), (1000 + number, 1000 + number))


def test_what_no_active_run_uses_leaves_the_oldest_first(host: Host) -> None:
    first = host.connect("r1")
    old, older, young = (bring(host, first, word) for word in ("a", "b", "c"))
    leave(host, first, "r1")
    age(host, older, old)
    second = host.connect("r2", cache_limit_bytes=2 * SIZE)
    own = bring(host, second, "d", "r2")
    until(lambda: not is_here(host, older) and not is_here(host, old))
    assert is_here(host, young) and is_here(host, own)
    until(lambda: not list(host.work().evicted("r2").iterdir()))


def test_what_a_living_agent_has_used_stays(host: Host) -> None:
    first = host.connect("r1")
    theirs = bring(host, first, "a")
    age(host, theirs)
    second = host.connect("r2", cache_limit_bytes=2 * SIZE)
    own = [bring(host, second, word, "r2") for word in ("b", "c", "d")]
    until(lambda: sum(is_here(host, name) for name in own) == 1)
    assert is_here(host, theirs)
    leave(host, first, "r1")
    bring(host, second, "e", "r2")
    until(lambda: not is_here(host, theirs))


def test_what_this_run_has_used_leaves_last_and_is_asked_for_again(host: Host) -> None:
    master = host.connect("r1", cache_limit_bytes=SIZE)
    before = bring(host, master, "a")
    after = bring(host, master, "b")
    until(lambda: not is_here(host, before))
    assert is_here(host, after)
    master.launch("again", READ, base_model=before)
    assert master.wait(lambda item: item == msg.Wanted(before))
    assert host.deliver({"f": "a" * SIZE}) == before
    master.send(msg.Delivered(before))
    assert master.finished("again").outcome == "succeeded"


def test_a_base_model_that_is_not_home_stays_though_its_agent_has_ended(host: Host) -> None:
    first = host.connect("r1")
    first.launch("m", MAKE, phase=1, base_model_hash="5" * 32)
    made = first.finished("m").base_model
    assert made is not None
    name = made.content_hash
    leave(host, first, "r1")
    age(host, name)
    second = host.connect("r2", cache_limit_bytes=1)
    gone = bring(host, second, "a", "r2")
    until(lambda: not is_here(host, gone))
    assert is_here(host, name)
    again = host.connect("r1", epoch=2)
    again.wait_event("finished", "m")
    again.send(msg.Release("m", 1))
    again.settle()
    leave(host, again, "r1")
    until(lambda: not list(host.work().attempts("r1").iterdir()))
    gone = bring(host, second, "b", "r2")
    until(lambda: not is_here(host, name))


def test_a_limit_that_cannot_be_is_refused(host: Host) -> None:
    refused = host.connect("r1", cache_limit_bytes=-1).greeting
    assert isinstance(refused, msg.Refused) and "cache_limit_bytes is -1" in refused.reason
