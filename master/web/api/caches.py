"""Figures of the caches that there are: tables of features here, prepared activations of this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from master.web.api.features.loaded import Loaded
from master.web.api.jobs import TRAINER

FIGURES = ("hits", "misses", "size", "hit_rate")
ABSENT = ("provenance", "inference", "analysis")
"""Caches that clients know and that are not here: there is nothing that they would hold."""
AT_TOP = ("feature", "provenance", "inference")
"""Whose hit rates stand beside the figures, too."""
_PACKAGES = Path(__file__).resolve().parents[3]
_PATIENCE_S = 30.0
Figures = Mapping[str, Any]
NOTHING: Figures = dict.fromkeys(FIGURES)


def statistics(loaded: Loaded, prepared: Figures) -> dict[str, Any]:
    """Return the answer; `prepared` are the figures of prepared activations."""
    counts = loaded.counts
    looks = counts.hits + counts.misses
    rate = counts.hits / looks if looks else 0.0
    feature = {"hits": counts.hits, "misses": counts.misses, "size": loaded.held(), "hit_rate": rate}
    caches = {"feature": feature, **dict.fromkeys(ABSENT, NOTHING), "prepared": prepared}
    told = {f"{name}_cache_{key}": figures[key] for name, figures in caches.items() for key in FIGURES}
    return {"success": True, "cache_stats": told, **{key: told[key] for key in map(_rate, AT_TOP)}}


def _rate(cache: str) -> str:
    return f"{cache}_cache_hit_rate"


def prepared_figures(*, clear: bool, run: Callable[..., Any] = subprocess.run) -> Figures:
    """Return the figures of the activations that trainings of this user keep prepared on this machine.

    With `clear` they are deleted first.  Where the trainer does not tell, there are none.
    """
    argv = [sys.executable, "-m", f"trainers.{TRAINER}", "cache", "--json", *(["--clear"] if clear else [])]
    try:
        done = run(argv, cwd=_PACKAGES, capture_output=True, timeout=_PATIENCE_S, check=True)
        told = json.loads(done.stdout)
        return {**{key: told[key] for key in FIGURES if key != "size"}, "size": told["entries"]}
    except (OSError, subprocess.SubprocessError, ValueError, LookupError, TypeError):
        return NOTHING
