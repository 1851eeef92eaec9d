"""A run directory with base models of two versions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from master.storage.base_model_store import BaseModelStore, make_manifest
from master.storage.run_layout import RunLayout
from worker_agent.protocol.digests import content_hash, digest_directory
from worker_agent.protocol.outcome import BaseModelLeft

Store = Callable[..., Path]


@pytest.fixture
def store(run: Path) -> Store:
    """Return how to put a base model into the store; what it returns is its folder."""

    def put(spec_hash: str, config: dict[str, Any], text: str = "weights", **facts: Any) -> Path:
        staged = run / f"staged-{spec_hash}"
        staged.mkdir()
        (staged / "model.bin").write_text(text)
        (staged / "metrics.json").write_text('{"loss": 0.5}')
        files = digest_directory(staged)
        found = BaseModelStore(RunLayout(run))
        made = BaseModelLeft(content_hash(files), list(files), "base")
        found.add(staged, make_manifest(spec_hash, config, made, **facts))
        return found.path(spec_hash)

    return put
