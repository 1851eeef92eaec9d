"""What ends or stands still on a worker."""

from __future__ import annotations

import signal
from collections.abc import Iterator

from tests.chaos.evidence import Spoils
from tests.chaos.faults.kinds import kind
from tests.chaos.place import AGENT, KEEPER, SESSION, NothingToHitError, Scene


@kind()
def kill_agent(scene: Scene) -> None:
    """SIGKILL to the agent: its jobs go on, and the next agent learns how they ended."""
    scene.station.kill(AGENT)


@kind()
def kill_keeper(scene: Scene) -> None:
    """SIGKILL to the keeper: the agent goes on without one."""
    scene.station.kill(KEEPER)


@kind(Spoils.WORKER)
def kill_agent_and_keeper(scene: Scene) -> None:
    """SIGKILL to both: nobody sees any more how jobs end."""
    scene.station.kill(KEEPER, AGENT)


@kind()
def freeze_agent(scene: Scene) -> Iterator[float]:
    """The agent stands still, for less or more than the 20 s after which a link is lost."""
    with scene.station.stopped(AGENT):
        yield scene.seconds(2, 26)


@kind()
def kill_sessions(scene: Scene) -> None:
    """SIGKILL to all of sshd's sessions."""
    scene.station.kill(SESSION)


@kind()
def freeze_sessions(scene: Scene) -> Iterator[float]:
    """All of sshd's sessions stand still, for less or more than 20 s."""
    with scene.station.stopped(SESSION):
        yield scene.seconds(2, 26)


@kind(Spoils.JOB)
def kill_job(scene: Scene) -> None:
    """SIGKILL to a job."""
    found = [each for each in scene.station.jobs() if _name(each.environment) not in scene.place.killed]
    if not found:
        raise NothingToHitError(f"no job on {scene.station.name} that has not been killed before")
    victim = scene.draw.choice(found)
    scene.job = _name(victim.environment)
    scene.place.killed.add(scene.job)
    victim.send(signal.SIGKILL)


def _name(environment: dict[str, str]) -> str:
    return environment.get("TWOPHASE_JOB_ID", "")


@kind()
def freeze_jobs(scene: Scene) -> Iterator[float]:
    """All jobs stand still."""
    found = scene.station.jobs()
    for process in found:
        process.send(signal.SIGSTOP)
    try:
        yield scene.seconds(2, 10)
    finally:
        for process in found:
            process.send(signal.SIGCONT)


@kind(Spoils.WORKER)
def reboot(scene: Scene) -> None:
    """The power goes; the disk stays."""
    scene.station.worker.kill()
    scene.station.worker.restart()


@kind()
def freeze_worker(scene: Scene) -> Iterator[float]:
    """The whole machine stands still."""
    scene.station.worker.pause()
    try:
        yield scene.seconds(2, 26)
    finally:
        scene.station.worker.unpause()


@kind()
def clock_jumps(scene: Scene) -> Iterator[float]:
    """The clock is set back or forward, by seconds or by a day, and then right again."""
    scene.station.set_clock(scene.draw.choice([-86400, -60, -5, 5, 60, 86400]))
    try:
        yield scene.seconds(3, 20)
    finally:
        scene.station.set_clock(0)
