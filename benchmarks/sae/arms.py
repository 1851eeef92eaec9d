"""Which arms there are, and how one is run: a process of its own, one after the other."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PEERS = {
    "lightning": "lightning",
    "sae_lens": "sae-lens",
    "dictionary_learning": "dictionary-learning",
    "sparsify": "eai-sparsify",
}
"""Modules, and the packages that bring them."""
OURS = ("topk", "batchtopk", "jumprelu", "matryoshka", "hierarchical")
SPEED = (
    *("lightning:topk", "dense:topk", "sae_lens:topk", "dictionary_learning:topk"),
    *("sparsify:adam", "sparsify:signum"),
    *(f"ours:{kind}" for kind in OURS),
    *("lightning:relu", "dense:relu", "ours:relu"),
)
PRESETS = tuple(
    f"{way}:{preset}" for preset in ("seed-before", "seed", "seed-fast") for way in ("lightning", "ours")
)
RATES = {"sparsify:signum": (1e-3, 3e-3, 1e-2)}
"""Learning rates of the part on quality; signum's own default for 4,096 latents is 1e-2."""
ADAM_RATES = (8e-4, 1.6e-3, 3.2e-3)
QUALITY = (
    *("ours:topk", "ours:batchtopk", "sae_lens:topk", "sae_lens:batchtopk"),
    *("dictionary_learning:topk", "dictionary_learning:batchtopk", "sparsify:adam", "sparsify:signum"),
)
_FINDS = "import importlib.util, sys; print(*[m for m in sys.argv[1:] if importlib.util.find_spec(m)])"


class Interpreters:
    """Which interpreter runs an arm: this one, or that of the environment of the other packages."""

    def __init__(self, peers: Path | None) -> None:
        self._found = dict.fromkeys(_modules_of(str(peers)), str(peers)) if peers else {}
        self._found |= dict.fromkeys(_modules_of(sys.executable), sys.executable)

    def of(self, arm: str) -> str | None:
        """Return the interpreter; None where the arm's package is not installed."""
        way = arm.partition(":")[0]
        return self._found.get(way) if way in PEERS else sys.executable

    @property
    def missing(self) -> list[str]:
        """The packages that are installed nowhere."""
        return [package for module, package in PEERS.items() if module not in self._found]


def _modules_of(interpreter: str) -> list[str]:
    try:
        done = subprocess.run([interpreter, "-c", _FINDS, *PEERS], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"--peers-python {interpreter}: cannot be run: {error}") from error
    return done.stdout.split()


def run_arm(interpreter: str, arm: str, words: Sequence[str]) -> dict[str, Any]:
    """Return the figures of an arm; where it fails, its name and the last line that it said."""
    argument = [interpreter, "-m", "benchmarks.sae.arm", "--arm", arm, *words]
    done = subprocess.run(argument, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return {"arm": arm, "failed": said}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def words_of(asked: argparse.Namespace, names: Sequence[str]) -> list[str]:
    """Return the flags of some values."""
    return [word for name in names for word in (f"--{name}", str(getattr(asked, name)))]
