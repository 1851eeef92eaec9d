"""A running master that takes every order."""

from __future__ import annotations

from typing import Any

import pytest

from master.runs.control import client

Given = list[tuple[str, dict[str, Any], str]]
"""Verb, fields of the order, and why."""


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Given:
    """Return what the master was given."""
    found: Given = []

    def order(layout: Any, verb: str, fields: dict[str, Any], why: str, *, dry_run: bool) -> dict[str, Any]:
        found.append((verb, fields, why))
        return {"done": [{"name": "lab4", "says": "is so"}], "refused": [], "notes": []}

    monkeypatch.setattr(client, "order", order)
    return found
