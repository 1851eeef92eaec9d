"""Base models by the start of their hash."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.errors import UsageError
from master.storage.run_layout import RunLayout
from master.verbs.stored.named import named_manifest
from tests.unit.master.verbs.conftest import FIRST
from tests.unit.master.verbs.stored.conftest import Store

ALIKE = "a" * 8 + "b" * 24


def test_the_start_of_a_hash_is_enough_where_one_begins_so(run: Path, store: Store) -> None:
    store(FIRST, {})
    assert named_manifest(RunLayout(run), FIRST[:6])["spec_hash"] == FIRST
    store(ALIKE, {})
    with pytest.raises(UsageError, match="begins the hashes of 2 base models"):
        named_manifest(RunLayout(run), FIRST[:6])
    assert named_manifest(RunLayout(run), FIRST[:9])["spec_hash"] == FIRST


@pytest.mark.parametrize(
    ("word", "said"),
    [("abc", "6 digits at least"), ("aaaabb", "did you mean aaaaaa"), ("9" * 32, "lists them")],
)
def test_no_such_base_model(run: Path, store: Store, word: str, said: str) -> None:
    store(FIRST, {})
    with pytest.raises(UsageError, match=said):
        named_manifest(RunLayout(run), word)


def test_a_manifest_that_cannot_be_read_is_said(run: Path, store: Store) -> None:
    (store(FIRST, {}) / "manifest.json").write_text("{")
    with pytest.raises(UsageError, match="not a valid manifest"):
        named_manifest(RunLayout(run), FIRST)
