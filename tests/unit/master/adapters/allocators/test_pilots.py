"""What an allocation runs."""

from __future__ import annotations

import pytest

from master.adapters.agent_deploy import AgentBundle
from master.adapters.allocators import pilots
from master.specs import PoolSpec, ServerSpec
from tests.support.fake_session import FakeSession

POOL = PoolSpec("hpc", ServerSpec("login", "login", python="./venv/bin/python"), seats=2, time_s=14400.0)


@pytest.fixture
def pilot(monkeypatch: pytest.MonkeyPatch) -> pilots.Pilot:
    def deploy(session: object, bundle: AgentBundle, python: str, state_dir: str, *, rsync: bool) -> str:
        assert (python, rsync) == ("py", True)
        return f"{state_dir}/agents/agent-0.pyz"

    monkeypatch.setattr(pilots, "deploy_agent", deploy)
    make = pilots.pilot_maker(POOL, AgentBundle("d1", b""), "py", lambda seat: f"run-{seat.name}")
    return make(FakeSession(), "hpc.2")


def test_the_agent_itself_serves_at_the_place_of_its_seat(pilot: pilots.Pilot) -> None:
    assert pilot.argv == (
        *("py", "-I", "./.twophase/agents/agent-0.pyz", "serve", "--state-dir", "~/.twophase"),
        *("--run-id", "run-hpc.2", "--digest", "d1"),
        *("--place", "hpc.2", "--lasts-s", "14400", "--notice-s", "120"),
    )


def test_it_writes_where_its_state_is(pilot: pilots.Pilot) -> None:
    assert (pilot.log_dir, pilot.log_name) == ("./.twophase/hpc.2/runs/run-hpc.2", "agent.log")


@pytest.mark.parametrize(("time_s", "notice_s"), [(60, 15), (600, 60), (14400, 120), (86400, 120)])
def test_notice_is_short_where_the_allocation_is(time_s: float, notice_s: float) -> None:
    assert pilots.notice_s(time_s) == notice_s


def test_paths_are_given_from_home_or_whole() -> None:
    assert (pilots.in_home("~/x/y"), pilots.in_home("/x/y")) == ("./x/y", "/x/y")
