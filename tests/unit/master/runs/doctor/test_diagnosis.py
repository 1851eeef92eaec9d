"""What is found on each worker of a cluster config."""

from __future__ import annotations

import json

import pytest

from master.adapters.allocators.allocator import Checked
from master.adapters.session import Session
from master.core.explaining.health import Health
from master.errors import WorkerUnusable
from master.runs.doctor import diagnosis
from master.runs.doctor.diagnosis import diagnose
from master.specs import ClusterSpec, PoolSpec, ServerSpec
from tests.support.fake_session import FakeSession, Reply
from worker_agent.protocol.messages import Settings

PROBE = {"python": [3, 11, 2], "system": "linux", "rsync": True, "digest": "", "cores": 8, "writable": True}
PLACE = {"now": 1e9, "user": "me", "free": {"~/.twophase": 10**12}, "kills": None, "lingers": False}
PLACE |= {"sessions": 10, "startups": None}


def worker(probe: dict[str, object] = PROBE) -> FakeSession:
    """Return a worker that answers the probe, the look at its place, and tells of its GPUs."""

    def answer(rest: tuple[str, ...], stdin: bytes) -> Reply:
        if "gpus" in rest:
            report = {
                "tool": "nvidia-smi",
                "problem": "",
                "slots": ["gpu0"],
                "gpu_bytes": [24 * 10**9],
                "gpus": [],
            }
            return Reply(stdout=json.dumps(report).encode())
        mark, facts = ("checkup", PLACE) if "disk_usage" in rest[0] else ("probe", probe)
        return Reply(stdout=f"twophase-{mark} {json.dumps(facts)}\n".encode())

    session = FakeSession("lab1")
    session.script("true", behaviour=Reply())
    session.script("python3", "-I", "-c", behaviour=answer)
    return session


def test_a_worker_is_looked_at_as_a_whole() -> None:
    server = ServerSpec("lab1", "lab1", agent=Settings(gpus=["0"]))
    (found,) = diagnose(ClusterSpec((server,)), lambda *_: worker())
    assert [each.what for each in found.findings] == ["connection", "agent", "disk", "clock", "sshd", "GPUs"]
    assert found.findings[1].says == "Python 3.11.2, 8 cores"
    assert found.findings[-1].says == "1 job at a time on 1 (24 GB)"
    assert found.health is Health.DOUBTFUL, "its clock is decades behind"


def test_what_is_missing_has_its_cure_and_the_rest_is_looked_at() -> None:
    (found,) = diagnose(
        ClusterSpec((ServerSpec("lab1", "lab1"),)), lambda *_: worker({**PROBE, "rsync": False})
    )
    agent = found.findings[1]
    assert (agent.health, agent.says) == (Health.BROKEN, "no rsync there")
    assert agent.cure == "install it, e.g. `apt-get install rsync`"
    assert [each.what for each in found.findings][2:] == ["disk", "clock", "sshd"]


def test_a_worker_that_refuses_hides_none_of_the_others() -> None:
    def connect(server: ServerSpec, *_: object) -> Session:
        if server.name == "lab2":
            raise WorkerUnusable("lab2", "refuses every key\ncopy a key there with: ssh-copy-id lab2")
        return worker()

    servers = tuple(ServerSpec(name, name) for name in ("lab1", "lab2"))
    first, second = diagnose(ClusterSpec(servers), connect)
    assert first.health is not Health.BROKEN
    (refused,) = second.findings
    assert (refused.what, refused.says) == ("connection", "refuses every key")
    assert refused.cure == "copy a key there with: ssh-copy-id lab2"


def test_of_a_pool_its_login_host_is_looked_at_once_and_its_engine_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    doubt = "nodes may not see `state_dir`; set another"
    said = Checked(
        ("there is no partition gpu; name one of: cpu",), ("an allocation would begin at once",), (doubt,)
    )
    monkeypatch.setattr(diagnosis, "look_at_pool", lambda *of: said)
    pool = PoolSpec("hpc", ServerSpec("lab1", "lab1"), 8, 3600.0)
    opened: list[str] = []

    def connect(server: ServerSpec, *more: object) -> Session:
        opened.append(server.name)
        return worker()

    (found,) = diagnose(ClusterSpec(pool.all_seats, pools=(pool,)), connect)
    assert (found.worker, opened, found.health) == ("hpc", ["lab1"], Health.BROKEN)
    assert [(each.what, each.says) for each in found.findings[2:]] == [
        ("pool", "there is no partition gpu"),
        ("pool", "nodes may not see `state_dir`"),
        ("pool", "an allocation would begin at once"),
    ]
    assert [each.cure for each in found.findings[2:]] == ["name one of: cpu", "set another", ""]
    assert found.findings[3].health is Health.DOUBTFUL
