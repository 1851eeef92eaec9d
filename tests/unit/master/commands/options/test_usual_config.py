"""The cluster config that is taken where none is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.commands.options.usual_config import USUAL_CONFIG, usual_config


def test_it_is_that_of_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert usual_config() is None
    USUAL_CONFIG.write_text("{}")
    assert usual_config() == Path("cluster_config.json")
