"""An attempt that left something: its directories, a cache, and what is collected of it."""

from __future__ import annotations

import time
from pathlib import Path

from tests.support.attempt_paths import paths_of
from worker_agent.attempts.private_copy import make_copy
from worker_agent.attempts.recycled_directories import Made
from worker_agent.attempts.results import collect
from worker_agent.cache.artefacts import Cache
from worker_agent.core.commands import Collected
from worker_agent.protocol.layout import AttemptLayout, WorkLayout
from worker_agent.protocol.messages import Launch


class Desk:
    """An attempt's directories and a cache."""

    def __init__(self, root: Path, job_id: str = "alpha/fold0", phase: int = 2) -> None:
        layout = WorkLayout(root)
        self.cache = Cache(layout, "r1")
        self.attempt: AttemptLayout = layout.attempt("r1", job_id, 1)
        self.launch = Launch(job_id, 1, phase, ["x"])
        for folder in (
            paths_of(self.attempt).work,
            paths_of(self.attempt).output,
            paths_of(self.attempt).log.parent,
        ):
            folder.mkdir(parents=True)
        if phase == 1:
            paths_of(self.attempt).base_model.mkdir()
        (root / "code" / "src").mkdir(parents=True, exist_ok=True)
        (root / "rows").mkdir(exist_ok=True)
        (root / "code" / "src" / "train.py").write_text("code")
        (root / "code" / "settings.yaml").write_text("lr: 1")
        shown = {name: root / "code" / name for name in ("src", "settings.yaml")}
        copy = make_copy(paths_of(self.attempt).work, shown, {"data": root / "rows"})
        self.made = Made((), copy, time.time_ns())

    def write(self, folder: Path, *names: str) -> None:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)

    def collect(self, succeeded: bool = True, quick: bool = False) -> Collected:
        return collect(self.attempt, self.launch, self.cache, self.made, succeeded, quick)


def names(left: Collected) -> list[str]:
    return [row[0] for row in left.files]
