"""What a master may rely on, said to an agent in this process over its socket."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.agent_in_process import Master, Worker, worker
from tests.support.attempt_paths import paths_of
from worker_agent.protocol import messages as msg
from worker_agent.protocol.digests import content_hash, digest_directory
from worker_agent.protocol.outcome import Finished
from worker_agent.protocol.reports import Progress

__all__ = ["worker"]

WRITE = "import os; open(os.environ['TWOPHASE_OUTPUT_DIR'] + '/out.txt', 'w').write('o'); print('hello')"
WAIT = "import signal; print('here', flush=True); signal.pause()"


def outcome(event: msg.Event) -> str:
    return finished(event).outcome.value


def finished(event: msg.Event) -> Finished:
    assert isinstance(event.detail, Finished)
    return event.detail


def ends_of(master: Master) -> dict[str, str]:
    events = [item for item in master.seen if isinstance(item, msg.Event) and item.kind == "finished"]
    return {event.job_id: outcome(event) for event in events}


def deliver(worker: Worker, text: str, name: str = "") -> str:
    """Put an artefact of one file into `incoming`, under its hash or another; return that."""
    scratch = worker.work.work_dir / "scratch"
    scratch.mkdir(parents=True)
    (scratch / "file").write_text(text)
    name = name or content_hash(digest_directory(scratch))
    scratch.rename(worker.work.incoming("r1", name))
    return name


def test_a_job_from_launch_to_shutdown(worker: Worker) -> None:
    found: dict[str, Any] = {}

    def script() -> None:
        master = worker.connect()
        found["welcome"] = master.hello()
        master.launch("a", WRITE)
        found["running"] = master.wait_event("running", "a")
        done = found["finished"] = master.wait_event("finished", "a")
        found["files"] = paths_of(worker.work.attempt("r1", "a", 1)).root.exists()
        master.send(msg.Ack(done.seq), msg.Release("a", 1), msg.DropCheckpoints("a"))
        master.settle()
        master.send(msg.Shutdown())
        assert master.hung_up()

    worker.serve(script)
    assert found["welcome"].slots == ["cpu0"] and found["welcome"].digest == "d1"
    assert found["running"].detail.slot == "cpu0" and found["running"].detail.pid > 1
    assert outcome(found["finished"]) == "succeeded" and found["files"]
    assert [digest.path for digest in finished(found["finished"]).files] == ["out.txt"]
    assert not worker.layout.root.exists() and not worker.work.run("r1").exists()


def test_what_is_said_first_must_be_hello_of_this_run_and_no_older_master(worker: Worker) -> None:
    answers: list[str] = []

    def script() -> None:
        assert isinstance(worker.connect().hello(epoch=5), msg.Welcome)
        answers.append(worker.connect().hello(epoch=4).reason)
        stranger = worker.connect()
        stranger.send(msg.Hello(msg.PROTOCOL, "r2", 9, {}))
        answers.append(stranger.wait(lambda item: isinstance(item, msg.Refused)).reason)
        old = worker.connect()
        old.send(msg.Hello(msg.PROTOCOL + 1, "r1", 9, {}))
        answers.append(old.wait(lambda item: isinstance(item, msg.Refused)).reason)
        answers.append(worker.connect().hello(epoch=6, gpus=["GPU-1", ""]).reason)
        hasty = worker.connect()
        hasty.send(msg.Ping(1))
        assert hasty.hung_up()
        worker.end()

    worker.serve(script)
    assert "epoch 5" in answers[0] and "run r1, not of r2" in answers[1]
    assert "speaks protocol" in answers[2] and "Settings.gpus" in answers[3]


def test_garbage_and_messages_of_agents_end_the_connection_alone(worker: Worker) -> None:
    def script() -> None:
        for wrong in (b"nonsense\n", msg.encode(msg.Pong(1)), b'{"type":"launch"}\n'):
            master = worker.connect()
            master.hello()
            master.send_bytes(wrong)
            assert master.hung_up()
        newer, newest = worker.connect(), worker.connect()
        newer.hello(epoch=2)
        newest.hello(epoch=3)
        assert newer.hung_up()
        newest.settle()
        worker.end()

    worker.serve(script)
    assert worker.layout.spool.exists()


def test_jobs_that_are_stopped_say_why(worker: Worker) -> None:
    ends: dict[str, str] = {}

    def script() -> None:
        master = worker.connect()
        master.hello(cpu_slots=3)
        master.launch("cancelled", WAIT)
        master.launch("slow", WAIT, timeout_s=0.5)
        master.launch("silent", WAIT, stall_timeout_s=0.5)
        master.launch("queued", WAIT)
        master.send(msg.Withdraw("queued", 1))
        master.wait(lambda item: isinstance(item, Progress) and item.detail.line == "here")
        master.send(msg.Cancel("cancelled", 1))
        ends.update(ends_of(master))
        while len(ends) < 4:
            master.wait(lambda item: isinstance(item, msg.Event) and item.kind == "finished")
            ends.update(ends_of(master))
        worker.end()

    worker.serve(script)
    assert ends == {"cancelled": "cancelled", "slow": "timeout", "silent": "stalled", "queued": "cancelled"}


def test_artefacts_are_wanted_checked_and_shown(worker: Worker) -> None:
    found: dict[str, Any] = {}

    def script() -> None:
        master = worker.connect()
        master.hello()
        good = content_of("right")
        mounts = [{"at": "in", "artefact": good}]
        master.launch("a", "print(open('in/file').read())", mounts=mounts)
        assert master.wait(lambda item: isinstance(item, msg.Wanted)).content_hash == good
        deliver(worker, "wrong", good)
        master.send(msg.Delivered(good))
        found["rejected"] = master.wait(lambda item: isinstance(item, msg.Rejected)).problem
        assert deliver(worker, "right") == good
        master.send(msg.Delivered(good))
        found["first"] = outcome(master.wait_event("finished", "a"))
        cached = worker.work.cached(good) / "file"
        cached.chmod(0o644)
        cached.write_text("rotten")
        master.launch("b", "pass", mounts=mounts)
        assert master.wait(lambda item: isinstance(item, msg.Wanted)).content_hash == good
        deliver(worker, "right")
        master.send(msg.Delivered(good))
        found["second"] = outcome(master.wait_event("finished", "b"))
        worker.end()

    def content_of(text: str) -> str:
        name = deliver(worker, text)
        worker.work.incoming("r1", name).rename(worker.work.work_dir / "elsewhere")
        return name

    worker.serve(script)
    assert "its content hash is" in found["rejected"]
    assert (found["first"], found["second"]) == ("succeeded", "succeeded")


def test_what_an_attempt_in_vain_leaves_is_told_and_taken_up(worker: Worker) -> None:
    leave = (
        "import os, pathlib, sys\n"
        "path = pathlib.Path(os.environ['TWOPHASE_CHECKPOINT_DIR'], 'state')\n"
        "seen = path.exists()\n"
        "path.write_text('x')\n"
        "sys.exit(0 if seen else 75)\n"
    )
    found: dict[str, Any] = {}

    def script() -> None:
        master = worker.connect()
        master.hello()
        master.launch("a", leave)
        event = master.wait_event("finished", "a")
        found["first"] = outcome(event)
        checkpoint = finished(event).checkpoint
        assert checkpoint
        master.launch("a", leave, attempt=2, checkpoint=checkpoint.content_hash, checkpoint_attempt=1)
        found["second"] = outcome(master.wait_event("finished", "a", 2))
        master.send(msg.DropCheckpoints("a"))
        master.settle()
        worker.end()

    worker.serve(script)
    assert (found["first"], found["second"]) == ("requeue", "succeeded")


@pytest.mark.parametrize(
    ("launch", "error"),
    [
        ({"mounts": [{"at": "data", "path": "data"}]}, "is not an absolute path"),
        ({"phase": 3}, "phase is 3"),
        ({"executor": "nothing"}, "executor is 'nothing'"),
        ({"output_from": "../up"}, "output_from is"),
    ],
)
def test_what_cannot_be_started_is_refused(worker: Worker, launch: dict[str, Any], error: str) -> None:
    found: list[msg.Event] = []

    def script() -> None:
        master = worker.connect()
        master.hello()
        master.launch("a", "pass", **launch)
        found.append(master.wait_event("finished", "a"))
        worker.end()

    worker.serve(script)
    assert outcome(found[0]) == "refused" and error in (finished(found[0]).error or "")


def test_data_that_a_worker_lacks_is_its_fault(worker: Worker) -> None:
    found: list[msg.Event] = []

    def script() -> None:
        master = worker.connect()
        master.hello()
        master.launch("a", "pass", mounts=[{"at": "data", "path": "/nowhere/at/all"}])
        found.append(master.wait_event("finished", "a"))
        worker.end()

    worker.serve(script)
    assert outcome(found[0]) == "worker_fault"
    assert "/nowhere/at/all does not exist" in (finished(found[0]).error or "")


def test_a_base_model_stays_in_the_cache(worker: Worker) -> None:
    make = "import os; open(os.environ['TWOPHASE_BASE_MODEL_DIR'] + '/w', 'w').write('1')"
    found: dict[str, Any] = {}

    def script() -> None:
        master = worker.connect()
        master.hello()
        master.launch("a", make, phase=1, base_model_hash="f" * 64)
        made = finished(master.wait_event("finished", "a")).base_model
        assert made
        name = found["made"] = made.content_hash
        master.launch("b", "import os; assert os.path.exists(os.environ['TWOPHASE_BASE_MODEL_DIR'] + '/w')")
        master.launch("c", "import os; open(os.environ['TWOPHASE_BASE_MODEL_DIR'] + '/w')", base_model=name)
        found["without"] = outcome(master.wait_event("finished", "b"))
        found["with"] = outcome(master.wait_event("finished", "c"))
        worker.end()

    worker.serve(script)
    assert worker.work.cached(found["made"]).is_dir()
    assert (found["without"], found["with"]) == ("failed", "succeeded")


def test_an_agent_that_ends_tells_the_next_one(worker: Worker) -> None:
    seen: list[list[Any]] = []

    def first() -> None:
        master = worker.connect()
        master.hello()
        master.launch("a", WAIT)
        master.launch("b", "pass")
        master.wait_event("running", "a")
        worker.end()
        seen.append([outcome(master.wait_event("finished", job)) for job in "ab"])

    def second() -> None:
        master = worker.connect()
        welcome = master.hello(epoch=2)
        ended = [outcome(master.wait_event("finished", job)) for job in "ab"]
        seen.append([*ended, [(key.job_id, key.attempt) for key in welcome.attempts]])
        master.send(msg.Release("a", 1), msg.Release("b", 1))
        master.settle()
        worker.end()

    worker.serve(first)
    worker.serve(second)
    assert seen == [["lost", "lost"], ["lost", "lost", [("a", 1), ("b", 1)]]]
    assert not paths_of(worker.work.attempt("r1", "a", 1)).root.exists()


def test_an_agent_that_nobody_needs_ends(worker: Worker, capfd: pytest.CaptureFixture[str]) -> None:
    worker.serve(lambda: None, idle_s=0.0)
    assert "no master and nothing to do for 0 s: the agent ends" in capfd.readouterr().err


def test_a_socket_that_was_removed_is_made_anew(worker: Worker, capfd: pytest.CaptureFixture[str]) -> None:
    def script() -> None:
        first = worker.connect()
        first.hello()
        worker.layout.socket.unlink()
        first.launch("a", "import time; time.sleep(1.2)")
        first.wait_event("finished", "a")
        first.settle()
        assert isinstance(worker.connect().hello(epoch=2), msg.Welcome)
        worker.end()

    worker.serve(script)
    assert f"{worker.layout.socket} is gone: listening anew" in capfd.readouterr().err


def test_a_cache_that_is_too_large_is_cleaned(worker: Worker) -> None:
    def script() -> None:
        master = worker.connect()
        master.hello(cache_limit_bytes=0)
        name = deliver(worker, "too much")
        master.send(msg.Delivered(name))
        master.launch("a", "pass", mounts=[{"at": "in", "artefact": name}])
        master.wait_event("finished", "a")
        while worker.work.incoming("r1", name).exists() or worker.work.cached(name).exists():
            master.settle()
        worker.end()

    worker.serve(script)
    assert list((worker.work.work_dir / "cache").glob("*")) == []
