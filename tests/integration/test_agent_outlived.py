"""A job outlives its agent: the next one adopts what runs, and learns how it ended."""

from __future__ import annotations

import base64
import signal
from pathlib import Path

import pytest

from tests.integration.agent_harness import WAIT_FOR_FILE, Host, Master, end, is_alive, until
from worker_agent.protocol import messages as msg
from worker_agent.protocol.events import Event

LEAVE_MUCH = """
import os
open(os.environ['TWOPHASE_OUTPUT_DIR'] + '/out.txt', 'w').write('o')
open('new.txt', 'w').write('n')
open('code.txt', 'a').write('changed')
print('done')
"""


def killed_under(host: Host, tmp_path: Path, then: str, **more: object) -> tuple[int, Path]:
    """Kill the agent under a job that goes on once a file is there; return the job's pid and the file."""
    go = tmp_path / "go"
    master = host.connect()
    name = host.deliver({"code.txt": "x", "same.txt": "y"})
    mounts = [{"at": "", "artefact": name}]
    master.launch("a", WAIT_FOR_FILE.format(path=str(go)) + then, mounts=mounts, output_from=".", **more)
    master.send(msg.Delivered(name))
    pid = master.wait_event("running", "a").detail.pid
    master.settle()
    end(host.agent_pid(), signal.SIGKILL)
    assert is_alive(pid)
    return pid, go


def results_of(master: Master) -> dict[str, str]:
    done = master.finished("a")
    assert (done.outcome, done.exit_code, done.error) == ("succeeded", 0, None)
    assert done.duration_s and done.peak_rss_bytes
    inline = done.inline or {}
    return {name: base64.b64decode(text).decode() for name, text in inline.items()}


ALL = {"out.txt": "o", "new.txt": "n", "code.txt": "xchanged", "": "done\n"}


def test_a_job_that_ends_while_there_is_no_agent_is_a_success(host: Host, tmp_path: Path) -> None:
    pid, go = killed_under(host, tmp_path, LEAVE_MUCH)
    go.touch()
    until(lambda: not is_alive(pid))
    again = host.connect(epoch=2)
    assert results_of(again) == ALL


def test_a_job_that_goes_on_is_adopted(host: Host, tmp_path: Path) -> None:
    pid, go = killed_under(host, tmp_path, LEAVE_MUCH)
    again = host.connect(epoch=2)
    assert again.welcome.attempts == [("a", 1)]
    again.settle()
    assert is_alive(pid)
    go.touch()
    assert results_of(again) == ALL


def test_agents_may_die_again_and_again(host: Host, tmp_path: Path) -> None:
    pid, go = killed_under(host, tmp_path, LEAVE_MUCH)
    for epoch in (2, 3):
        host.connect(epoch=epoch).settle()
        end(host.agent_pid(), signal.SIGKILL)
    assert is_alive(pid)
    go.touch()
    assert results_of(host.connect(epoch=4)) == ALL


@pytest.mark.parametrize(("then", "code"), [("import sys; sys.exit(3)", 3), ("import os; os.abort()", -6)])
def test_how_it_failed_is_known(host: Host, tmp_path: Path, then: str, code: int) -> None:
    pid, go = killed_under(host, tmp_path, "\n" + then)
    go.touch()
    until(lambda: not is_alive(pid))
    done = host.connect(epoch=2).finished("a")
    assert (done.outcome, done.exit_code) == ("failed", code)


def test_a_job_that_had_ended_and_was_being_collected_is_a_success(host: Host) -> None:
    open_file = "os.open(os.environ['TWOPHASE_OUTPUT_DIR'] + '/big', os.O_CREAT | os.O_RDWR)"
    much = f"import os; os.truncate({open_file}, 3 << 30)"
    host.connect().launch("a", much)
    until(lambda: host.layout().exits.exists())
    end(host.agent_pid(), signal.SIGKILL)
    assert b'"finished"' not in host.layout().spool.read_bytes()
    done = host.connect(epoch=2).finished("a")
    assert (done.outcome, done.error) == ("succeeded", None)
    assert [item.size for item in done.files or []] == [3 << 30]


def test_its_slot_is_not_given_to_another_meanwhile(host: Host, tmp_path: Path) -> None:
    _, go = killed_under(host, tmp_path, LEAVE_MUCH)
    again = host.connect(epoch=2)
    again.launch("b", "pass")
    again.settle()
    assert not [item for item in again.said(Event) if (item.kind, item.job_id) == ("running", "b")]
    go.touch()
    assert again.finished("b").outcome == "succeeded"


def test_a_time_limit_holds_on(host: Host, tmp_path: Path) -> None:
    pid, _ = killed_under(host, tmp_path, LEAVE_MUCH, timeout_s=1.0)
    done = host.connect(epoch=2).finished("a")
    assert done.outcome == "timeout" and not is_alive(pid)
