"""What happens to the master, and who else is there."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator

from tests.chaos.faults.kinds import kind
from tests.chaos.neighbour import a_second_user_runs
from tests.chaos.place import NothingToHitError, Scene

SECOND_MASTER_S = 60
INTERRUPTED_S = 180
"""Jobs may finish, and their results are asked for again and again for a minute where a disk was wiped."""


@kind(on_worker=False)
def kill_master(scene: Scene) -> None:
    """SIGKILL to the master, and the same command again."""
    scene.place.master.kill()
    scene.place.master.start()


@kind(on_worker=False)
def freeze_master(scene: Scene) -> Iterator[float]:
    """The master stands still."""
    with scene.place.master.stopped():
        yield scene.seconds(2, 30)


@kind(on_worker=False)
def interrupt_master(scene: Scene) -> Iterator[float]:
    """Ctrl-C: jobs that run may finish; then the same command again."""
    os.kill(scene.place.master.pid, signal.SIGINT)
    for _ in range(INTERRUPTED_S):
        yield 1.0
        if scene.place.master.exit_code is not None:
            break
    else:
        scene.complain(f"{INTERRUPTED_S} s after Ctrl-C the master had not ended")
        scene.place.master.kill()
    scene.place.master.start()


@kind(on_worker=False)
def second_master(scene: Scene) -> None:
    """The same command while it runs: it must be refused."""
    done = subprocess.run(
        scene.place.run.argv(),
        env=scene.place.run.environ(),
        capture_output=True,
        text=True,
        timeout=SECOND_MASTER_S,
    )
    if done.returncode == 0 or "another run_two_phase is working" not in done.stderr.replace("\n", " "):
        scene.complain(f"a second master ended with {done.returncode}: {done.stderr[-300:]}")


@kind(on_worker=False)
def second_user(scene: Scene) -> Iterator[float]:
    """Another user's run on the same workers: it must succeed, too."""
    yield from a_second_user_runs(scene)


@kind(on_worker=False)
def kill_rsync(scene: Scene) -> Iterator[float]:
    """SIGKILL to the first rsync that the master is seen to have."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for pid in scene.place.master.children("rsync")[:1]:
            os.kill(pid, signal.SIGKILL)
            return
        yield 0.0
    raise NothingToHitError("no transfer within 10 s")
