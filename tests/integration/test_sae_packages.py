"""Autoencoders go to SAELens, sparsify and dictionary_learning and come back as they were.

The packages want an environment of their own: `TWOPHASE_PEERS_PYTHON` names its interpreter.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from scripts.sae_round_trips import ALLOWED, WAYS
from tests.support.runs import ROOT


@pytest.fixture(scope="module")
def found() -> dict[str, float | None]:
    interpreter = os.environ.get("TWOPHASE_PEERS_PYTHON", sys.executable)
    done = subprocess.run(
        [interpreter, "-m", "scripts.sae_round_trips"], cwd=ROOT, capture_output=True, text=True, timeout=250
    )
    assert "Traceback" not in done.stderr, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {row["way"]: row["difference"] for row in rows}


@pytest.mark.parametrize("way", WAYS)
def test_they_come_back_as_they_were(found: dict[str, float | None], way: str) -> None:
    difference = found[way]
    if difference is None:
        pytest.skip(
            f"{WAYS[way][0]} is not installed: TWOPHASE_PEERS_PYTHON names an interpreter that has it"
        )
    assert difference <= ALLOWED
