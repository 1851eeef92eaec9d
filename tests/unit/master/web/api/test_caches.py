"""Figures of caches."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from master.web.api.caches import NOTHING, prepared_figures, statistics
from master.web.api.features.loaded import Loaded
from tests.unit.master.web.api.features.test_loaded import read

TOLD = b'{"folder": "/x", "entries": 2, "bytes": 9, "limit": 9, "hits": 3, "misses": 1, "hit_rate": 0.75}'


def test_what_is_not_here_has_no_figures(tmp_path: Path) -> None:
    loaded = Loaded(tmp_path / "loaded.json", read)
    loaded.load("a", 6)
    loaded.tables()
    found = statistics(loaded, NOTHING)
    stats = found["cache_stats"]
    assert set(stats) == {
        f"{cache}_cache_{figure}"
        for cache in ("feature", "provenance", "inference", "analysis", "prepared")
        for figure in ("hits", "misses", "size", "hit_rate")
    }
    feature = {name: value for name, value in stats.items() if name.startswith("feature")}
    assert list(feature.values()) == [1, 1, 1, 0.5]
    assert all(value is None for name, value in stats.items() if name not in feature)
    assert (found["success"], found["feature_cache_hit_rate"]) == (True, 0.5)
    assert found["provenance_cache_hit_rate"] is found["inference_cache_hit_rate"] is None


@pytest.mark.parametrize("clear", [True, False])
def test_prepared_activations_are_asked_of_the_trainer(clear: bool) -> None:
    words: list[Any] = []

    def run(argv: Any, **_: Any) -> Any:
        words.extend(argv)
        return SimpleNamespace(stdout=TOLD)

    assert prepared_figures(clear=clear, run=run) == {"hits": 3, "misses": 1, "size": 2, "hit_rate": 0.75}
    assert words[1:5] == ["-m", "trainers.sae", "cache", "--json"] and ("--clear" in words) is clear


@pytest.mark.parametrize("said", [b"", b"[]", b"{}", OSError(), subprocess.TimeoutExpired("x", 1)])
def test_a_trainer_that_does_not_tell_is_no_failure(said: Any) -> None:
    def run(*_: Any, **__: Any) -> Any:
        if isinstance(said, Exception):
            raise said
        return SimpleNamespace(stdout=said)

    assert prepared_figures(clear=False, run=run) == NOTHING
