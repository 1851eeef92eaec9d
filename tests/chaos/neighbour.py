"""Another user's run on the same workers, at the same time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from tests.chaos.jobs import PREFIX
from tests.chaos.place import DISK, SECOND_USER, Scene
from tests.e2e.cluster import LEDGER
from tests.support.runs import Run

JOBS = 6
LONGEST_S = 150
SETTINGS = {"gpus": 0, "cpu_slots": 2, "state_dir": f"{DISK}/other"}


def a_second_user_runs(scene: Scene) -> Iterator[float]:
    """Run some jobs to their end; complain where one of them is not there then."""
    place = scene.place
    root = place.root / "neighbour"
    shutil.rmtree(root, ignore_errors=True)
    servers = [{"host": f"{station.name}-{SECOND_USER}", **SETTINGS} for station in place.stations]
    page = place.tally.with_name("neighbour")
    page.touch()
    page.chmod(0o666)
    jobs = [{"id": f"n{number}", "prefix": PREFIX, "base": 1000 + number % 2} for number in range(JOBS)]
    cluster = {**place.lab.client.files, "env": {"TALLY": f"{LEDGER}/{page.name}"}}
    run = Run(root, servers, {"base_model": {"include": ["base"]}, "jobs": jobs}, place.run.script, cluster)
    with run.start() as master:
        try:
            for _ in range(LONGEST_S):
                yield 1.0
                if master.poll() is not None:
                    break
        finally:
            master.kill()
        said = master.communicate()[0]
    results = len(list((run.layout.experiments / PREFIX).glob("*/result.json")))
    if master.returncode != 0 or results != JOBS:
        scene.complain(
            f"the second user's run ended with {master.returncode}, {results} results: {said[-500:]}"
        )
