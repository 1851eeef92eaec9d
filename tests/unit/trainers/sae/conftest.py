"""No kernels are compiled."""

from __future__ import annotations

import pytest

from trainers.sae.cpu.build import NoLibrary
from trainers.sae.model import kernels


@pytest.fixture(autouse=True)
def without_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let trainings take torch's own kernels where nothing else is asked for."""

    def none() -> None:
        raise NoLibrary("there is no compiler in this test")

    monkeypatch.setattr(kernels, "library", none)
