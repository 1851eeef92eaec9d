"""The whole cache is looked at once, one artefact after the other."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.unit.worker_agent.cache.test_artefacts import rot
from tests.unit.worker_agent.fakes import Workers
from tests.unit.worker_agent.protocol.test_digests import write
from worker_agent.cache.artefacts import Cache
from worker_agent.core.state import AgentState, Artefact
from worker_agent.protocol.layout import WorkLayout
from worker_agent.runtime.effects.sweeps import SweepEffects, Swept
from worker_agent.runtime.host_context import CurrentHost


def opened(host: CurrentHost, folder: Path) -> Cache:
    """Let a master come whose big files lie in a folder."""
    layout = WorkLayout(folder)
    context: Any = SimpleNamespace(layout=layout, cache=Cache(layout, "r1"))
    host.opened = context
    return Cache(layout, "r0")


def sweep_all(sweeps: SweepEffects, workers: Workers) -> list[str]:
    """Return what was looked at; never more than one is under way."""
    seen = []
    while workers.work:
        (answer,) = workers.answers()
        assert isinstance(answer, Swept)
        seen.append(answer.content_hash)
        sweeps.on_swept(answer)
    return seen


def test_all_is_looked_at_once_and_what_is_rotten_is_wanted_anew(tmp_path: Path) -> None:
    state, host, workers = AgentState(), CurrentHost(), Workers()
    sweeps = SweepEffects(state, host, workers)
    sweeps.begin()
    assert not workers.work, "nobody has said where the cache lies"
    earlier = opened(host, tmp_path)
    names = [earlier.adopt(write(tmp_path / f"made{i}", "best.pt", f"{i}"))[0] for i in range(3)]
    rot(earlier, names[1])
    state.artefacts = dict.fromkeys(names, Artefact.PRESENT)
    sweeps.begin()
    sweeps.begin()
    assert sorted(sweep_all(sweeps, workers)) == sorted(names)
    assert sorted(state.artefacts) == sorted([names[0], names[2]])
    sweeps.begin()
    assert not workers.work


def test_another_work_directory_is_another_cache(tmp_path: Path) -> None:
    host, workers = CurrentHost(), Workers()
    sweeps = SweepEffects(AgentState(), host, workers)
    for folder in ("one", "two"):
        name, _ = opened(host, tmp_path / folder).adopt(write(tmp_path / "made", "best.pt"))
        sweeps.begin()
        assert sweep_all(sweeps, workers) == [name]
