"""`twophase base pin`: what it writes; what it keeps is tested with what deletes."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.storage.base_model_store import BaseModelStore
from master.storage.run_layout import RunLayout
from master.verbs.stored.base import main
from tests.unit.master.verbs.conftest import FIRST
from tests.unit.master.verbs.stored.conftest import Store


def test_a_pin_says_whose_it_is_and_is_listed(
    run: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    store(FIRST, {"seed": 1})
    assert main(["pin", FIRST, "--why", "kept", "--run", str(run)]) == 0
    pinned = BaseModelStore(RunLayout(run)).manifest(FIRST)["pinned"]
    assert pinned["why"] == "kept" and pinned["by"] and pinned["at"]
    capsys.readouterr()
    assert main(["ls", "--run", str(run)]) == 0
    assert "here, pinned" in capsys.readouterr().out
