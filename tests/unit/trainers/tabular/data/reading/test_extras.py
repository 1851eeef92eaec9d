"""A package that is not installed is told with the extra that brings it."""

from __future__ import annotations

import sys

import pytest

from trainers.common.errors import TrainerError
from trainers.tabular.data.reading.extras import needed


def test_what_is_there_is_imported() -> None:
    assert needed("json", "a test").loads("1") == 1


def test_what_is_missing_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uproot", None)
    with pytest.raises(TrainerError, match=r"a ROOT file needs uproot: pip install 'twophase\[tabular\]'"):
        needed("uproot", "a ROOT file")
