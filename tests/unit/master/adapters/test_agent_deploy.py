"""The agent comes to a worker once, whole, and only where it can run."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

import worker_agent
from master.adapters.agent_deploy import AgentBundle, build_agent, check_limits, check_worker, deploy_agent
from master.adapters.agent_programs.receiving import COMPILE
from master.errors import DiskFull, RemoteError, SessionLost, WorkerUnusable
from tests.support.fake_session import NEVER, FakeSession, Reply

BUNDLE = AgentBundle(hashlib.sha256(b"agent").hexdigest(), b"agent")
PATH = f"~/.twophase/agents/agent-{BUNDLE.digest[:16]}.pyz"
FACTS: dict[str, Any] = {"python": [3, 11, 2], "rsync": True, "digest": "", "cores": 8}


GREETING = b"Welcome to lab1!\r\n* motd *\n"


def facts(noise: bytes = b"", **changes: Any) -> Reply:
    return Reply(stdout=noise + b"\ntwophase-probe " + json.dumps({**FACTS, **changes}).encode() + b"\n")


def worker(probe: Reply | None, received: Reply | None = None) -> FakeSession:
    """A worker whose probe ends so; without `received` nothing may be sent there."""
    session = FakeSession("lab1")

    def python(rest: tuple[str, ...], stdin: bytes) -> Reply | None:
        if len(rest) == 2:
            return probe
        assert received is not None, "the agent is there already"
        assert (rest[1:], stdin) == ((PATH, BUNDLE.digest), BUNDLE.data)
        return received

    session.script("python3", "-I", "-c", behaviour=python)
    return session


def deploy(session: FakeSession) -> str:
    return deploy_agent(session, BUNDLE, "python3", "~/.twophase", rsync=True)


def test_the_agent_is_sent_where_it_is_missing() -> None:
    session = worker(facts(digest="0" * 64), Reply())
    assert deploy(session) == PATH
    assert [len(call.stdin) for call in session.calls] == [0, len(BUNDLE.data)]


def test_an_agent_that_is_there_is_not_sent_again() -> None:
    session = worker(facts(digest=BUNDLE.digest, compiled=True))
    assert deploy(session) == PATH
    assert len(session.calls) == 1


@pytest.mark.parametrize("exit_code", [0, 1])
def test_it_is_compiled_at_the_second_visit_whatever_comes_of_that(exit_code: int) -> None:
    session, seen = FakeSession("lab1"), list[str]()

    def python(rest: tuple[str, ...], stdin: bytes) -> Reply:
        seen.append(rest[0])
        return facts(digest=BUNDLE.digest, compiled=False) if len(seen) == 1 else Reply(exit_code)

    session.script("python3", "-I", "-c", behaviour=python)
    assert deploy(session) == PATH
    assert seen[1:] == [COMPILE]


def test_how_limits_are_kept_is_asked_without_leaving_the_agent_there() -> None:
    session = FakeSession("lab1")
    session.script(
        "python3", "-I", "-c", behaviour=lambda rest, stdin: Reply(stdout=b'motd\n{"limits": "scope"}\n')
    )
    assert check_limits(session, BUNDLE, "python3") == "scope"
    (call,) = session.calls
    assert call.argv[-1] == "limits" and call.stdin == b"\n" + BUNDLE.data


def test_a_look_changes_nothing_and_tells_what_is_there() -> None:
    session = worker(facts())
    found = check_worker(session, BUNDLE, "python3", "~/.twophase", rsync=True)
    assert (found.python, found.cores, found.has_agent) == ("3.11.2", 8, False)
    assert len(session.calls) == 1


@pytest.mark.parametrize(
    ("probe", "says"),
    [
        (Reply(127, stderr=b"python3: not found"), "no Python: `python3` cannot be run; set `python`"),
        (Reply(126, stderr=b"Permission denied"), "no Python: `python3` cannot be run; set `python`"),
        (
            facts(GREETING, python=[3, 7, 16]),
            "python3 is Python 3.7.16; the agent needs 3.8 or newer: set `python`",
        ),
        (facts(python=[2, 7, 18]), "python3 is Python 2.7.18"),
        (Reply(2, stderr=b"Unknown option: -I\n"), "python3 is Python 2; the agent needs 3.8 or newer"),
        (facts(GREETING, rsync=False), "no rsync there; install it"),
        (
            facts(GREETING),
            "the shell's startup files there print text, which files cannot pass; let ~/.bashrc",
        ),
        (facts(b"\n"), "the shell's startup files there print text"),
        (facts(writable=False), "cannot write ~/.twophase; set `state_dir` to a directory that can be"),
        (facts(system="darwin"), "its system is darwin, and agents need Linux: leave it out of `servers`"),
    ],
)
def test_a_worker_that_cannot_run_the_agent_says_what_to_do(probe: Reply, says: str) -> None:
    session = worker(probe)
    with pytest.raises(WorkerUnusable) as caught:
        deploy(session)
    assert str(caught.value).startswith(f"lab1: {says}")
    assert len(session.calls) == 1


def test_rsync_is_not_needed_nor_a_silent_shell_where_nothing_is_transferred() -> None:
    there = worker(facts(GREETING, rsync=False))
    assert check_worker(there, BUNDLE, "python3", "~/.twophase", rsync=False).cores == 8


@pytest.mark.parametrize(
    ("probe", "says"),
    [
        (Reply(1, stderr=b"Traceback\nMemoryError"), "the probe ended with exit code 1"),
        (Reply(0, stdout=b"This account is not available."), "the probe ended with exit code 0"),
        (NEVER, "no end after"),
    ],
)
def test_what_may_pass_is_tried_again(probe: Reply | None, says: str) -> None:
    with pytest.raises(RemoteError, match=says) as caught:
        deploy(worker(probe))
    assert not isinstance(caught.value, WorkerUnusable)


def test_a_state_directory_that_cannot_be_written_is_named() -> None:
    session = worker(facts(), Reply(1, stderr=b"noise\ncannot write /x/agent: Read-only file system\n"))
    with pytest.raises(
        WorkerUnusable, match=r"cannot write /x/agent: Read-only file system; set `state_dir`"
    ):
        deploy(session)


def test_a_full_disk_is_tried_again_later() -> None:
    session = worker(facts(), Reply(1, stderr=b"cannot write /x/agent: No space left on device\n"))
    with pytest.raises(DiskFull, match="cannot write /x/agent: No space left on device"):
        deploy(session)


def test_an_agent_that_arrives_damaged_is_sent_again_later() -> None:
    with pytest.raises(RemoteError, match="did not arrive whole") as caught:
        deploy(worker(facts(), Reply(65)))
    assert not isinstance(caught.value, WorkerUnusable)


def test_a_link_that_breaks_is_no_fault_of_the_worker() -> None:
    session = worker(facts())
    session.drop_link()
    with pytest.raises(SessionLost):
        deploy(session)


def test_the_same_source_gives_the_same_bytes() -> None:
    first, second = build_agent(), build_agent()
    assert first == second
    assert first.digest == hashlib.sha256(first.data).hexdigest()


def test_a_changed_source_gives_another_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = build_agent()
    (tmp_path / "__init__.py").write_text("")
    monkeypatch.setattr(worker_agent, "__file__", str(tmp_path / "__init__.py"))
    assert build_agent().digest != before.digest


def test_the_bundle_holds_every_module_and_nothing_of_the_machine() -> None:
    root = Path(worker_agent.__file__).parent
    with zipfile.ZipFile(io.BytesIO(build_agent().data)) as bundle:
        names = set(bundle.namelist())
        assert {info.date_time for info in bundle.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert names == {
        "__main__.py",
        *(f"worker_agent/{path.relative_to(root)}" for path in root.rglob("*.py")),
    }


def test_host_names_and_paths_are_words_of_their_own() -> None:
    state_dir = "/scratch/my lab; rm -rf ~"
    session = FakeSession("lab1")
    session.script("/opt/my python", "-I", "-c", behaviour=facts(digest=BUNDLE.digest))
    path = deploy_agent(session, BUNDLE, "/opt/my python", state_dir, rsync=True)
    assert session.calls[0].argv[0] == "/opt/my python"
    assert session.calls[0].argv[4:] == (path,)
    assert path.startswith(f"{state_dir}/agents/")
