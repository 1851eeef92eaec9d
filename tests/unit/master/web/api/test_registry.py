"""Which trainings there are."""

from __future__ import annotations

import pytest

from master.web.api.errors import Wrong
from master.web.api.registry import Registry
from master.web.run_watch import RunWatch
from tests.unit.master.web.api.conftest import training


def test_they_are_known_in_the_order_in_which_they_were_asked_for(watch: RunWatch) -> None:
    assert list(Registry(watch).all()) == ["done", "going", "waiting"]


def test_one_that_was_handed_over_is_known_at_once(watch: RunWatch) -> None:
    registry, new = Registry(watch), training("new")
    registry.add(new)
    assert registry.find("new") is new and registry.row(new) is None
    assert list(registry.all())[-1] == "new"
    assert registry.row(training("done")) is not None


def test_what_the_journal_has_is_not_there_twice(watch: RunWatch) -> None:
    registry = Registry(watch)
    registry.add(training("going"))
    assert list(registry.all()) == ["done", "going", "waiting"]


def test_one_that_nobody_knows(watch: RunWatch) -> None:
    with pytest.raises(Wrong, match="no training 'none'"):
        Registry(watch).find("none")
