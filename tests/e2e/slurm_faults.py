"""What happens to a cluster's machines while a run works on it: none of it costs a job more than time.

`python -m tests.e2e.slurm_faults --away 60` does so for minutes and says what it came to.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from master.core.running.lifecycle import Trigger
from tests.e2e.cluster import wait_for
from tests.e2e.containers import remove_left_overs
from tests.e2e.image import connect_engine, slurm_image
from tests.e2e.slurm_cluster import SlurmCluster
from tests.support.needs import UnavailableError
from tests.support.runs import Run, going_on
from tests.support.slurm_storm import SCRIPT, STEP_S, check, tries

JOBS = 4
"""As many as two seats run at once."""
MARGIN_S = 18.0
"""Jobs last so much longer than what happens to them."""


def stepping(cluster: SlurmCluster, root: Path, jobs: int, seconds: float, **more: Any) -> Run:
    """Return a run whose jobs go on from their checkpoint if they have to; `more` are keys of the pool."""
    script = root / "code" / "train.py"
    script.parent.mkdir(parents=True)
    script.write_text(SCRIPT)
    asked = [{"id": f"job{number}", "steps": int(seconds / STEP_S)} for number in range(jobs)]
    settings = {"pools": [cluster.pool(**more)], **cluster.lab.client.files}
    return Run(root, [], {"base_model": False, "jobs": asked}, script, settings)


def endure(cluster: SlurmCluster, root: Path, away_s: float) -> str:
    """Stop the controller for a while, boot the login host, kill the master; return what came of it.

    Raises AssertionError where a job was lost, began again, or an allocation was asked for twice.
    """
    run = stepping(cluster, root, JOBS, away_s + MARGIN_S)
    before = cluster.submissions()
    with going_on(run) as master:
        wait_for("all jobs to begin", lambda: len(run.count(Trigger.START)) == JOBS, 90)
        cluster.stop_controller()
        time.sleep(away_s)
        cluster.start_controller()
        cluster.login.restart()
        wait_for("the links to come back", lambda: cluster.steps() == set(cluster.jobs()))
        assert master.poll() is None
        os.killpg(master.pid, signal.SIGKILL)
        master.wait()
    with going_on(run) as again:
        said, _ = again.communicate(timeout=away_s + 120)
        assert again.returncode == 0, said
    check(run, JOBS)
    wait_for("the end of the allocations", lambda: not cluster.jobs(), 30)
    assert sorted((cluster.submissions() - before).values()) == [1, 1], cluster.submissions() - before
    assert [len(tries(run, number)) for number in range(JOBS)] == [1] * JOBS
    told = f"controller away for {away_s:g} s, login host booted, master killed"
    return f"{told}: {JOBS} jobs in one try each, 2 submissions"


def cancel(cluster: SlurmCluster, root: Path) -> str:
    """Cancel an allocation in mid-run; return what came of it.

    Its jobs save what they have and go on from there, and nothing is said to be lost.  Raises AssertionError.
    """
    run = stepping(cluster, root, JOBS, MARGIN_S)
    with going_on(run, "--retries", "0") as master:
        wait_for("all jobs to begin", lambda: len(run.count(Trigger.START)) == JOBS, 90)
        time.sleep(3.0)
        cluster.as_user("scancel", min(cluster.jobs(), key=int))
        said, _ = master.communicate(timeout=200)
        assert master.returncode == 0 and " is lost" not in said, said
    check(run, JOBS)
    again = [each for each in (tries(run, number) for number in range(JOBS)) if len(each) > 1]
    assert again and all(second[1] > 0 for _, second in again), again
    return (
        f"an allocation cancelled: {JOBS} jobs recorded once, {len(again)} of them went on from a checkpoint"
    )


def lose_a_node(cluster: SlurmCluster, root: Path) -> str:
    """Take the power of a node in mid-run; return what came of it.

    Its jobs go on elsewhere without a retry once Slurm believes that it is down.  Raises AssertionError.
    """
    run = stepping(cluster, root, JOBS, MARGIN_S)
    with going_on(run, "--retries", "0") as master:
        wait_for("all jobs to begin", lambda: len(run.count(Trigger.START)) == JOBS, 90)
        cluster.nodes[0].kill()
        said, _ = master.communicate(timeout=400)
        assert master.returncode == 0, said
    cluster.nodes[0].restart()
    cluster.wait_for_nodes()
    check(run, JOBS)
    again = sum(tries(run, number)[0][0] > 1 for number in range(JOBS))
    assert again, "no job was on the node"
    return f"a node without power: {JOBS} jobs recorded once, {again} of them in another allocation"


def main() -> int:
    """Parse, run, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--away", type=float, default=60.0, help="seconds without a controller (60)")
    away_s = parser.parse_args().away
    os.environ["TWOPHASE_QUEUE_LOOK_S"] = "2"
    try:
        with connect_engine() as client, tempfile.TemporaryDirectory(prefix="slurm-") as name:
            remove_left_overs(client)
            with SlurmCluster(client, slurm_image(client), Path(name) / "lab") as cluster:
                print(endure(cluster, Path(name) / "run", away_s), flush=True)
                print(cancel(cluster, Path(name) / "cancelled"), flush=True)
                print(lose_a_node(cluster, Path(name) / "node"))
    except UnavailableError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
