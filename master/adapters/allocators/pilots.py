"""What an allocation runs: the agent itself, for as long as the allocation lasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from master.adapters.agent_deploy import ISOLATED, AgentBundle, deploy_agent
from master.adapters.session import Session
from master.specs import PoolSpec, ServerSpec

MOST_NOTICE_S, LEAST_NOTICE_S = 120.0, 15.0


@dataclass(frozen=True)
class Pilot:
    """The first process of an allocation, and where it writes."""

    argv: tuple[str, ...]
    """Started in the home directory."""
    log_dir: str
    """Absolute, or below the home directory as `./…`."""
    log_name: str


MakePilot = Callable[[Session, str], Pilot]
"""Makes ready on the login host what the allocation of a seat needs."""


def notice_s(time_s: float) -> float:
    """Return how long before its end an allocation begins no job and saves what runs."""
    return min(MOST_NOTICE_S, max(LEAST_NOTICE_S, time_s / 10))


def in_home(path: str) -> str:
    """Return a path of the login host as a command takes it that starts in the home directory."""
    return f"./{path[2:]}" if path.startswith("~/") else path


def pilot_maker(
    pool: PoolSpec, bundle: AgentBundle, python: str, run_id_of: Callable[[ServerSpec], str]
) -> MakePilot:
    """Return what makes the pilots of a pool; `run_id_of` tells what a seat's agent calls the run."""
    seats = {seat.name: seat for seat in pool.all_seats}

    def make(session: Session, name: str) -> Pilot:
        seat = seats[name]
        agent = deploy_agent(session, bundle, python, seat.state_dir, rsync=not seat.is_here)
        run_id, ends = run_id_of(seat), (f"{pool.time_s:g}", f"{notice_s(pool.time_s):g}")
        argv = (
            *(python, *ISOLATED, in_home(agent), "serve", "--state-dir", seat.state_dir),
            *("--run-id", run_id, "--digest", bundle.digest),
            *("--place", name, "--lasts-s", ends[0], "--notice-s", ends[1]),
        )
        return Pilot(argv, f"{in_home(seat.state_dir).rstrip('/')}/{name}/runs/{run_id}", "agent.log")

    return make
