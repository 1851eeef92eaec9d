"""Which way of keeping limits is chosen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from worker_agent.__main__ import main
from worker_agent.limits import cgroups, choice, scopes
from worker_agent.limits.choice import choose_bounds
from worker_agent.limits.watched import WatchedBounds


@pytest.mark.parametrize(
    ("group", "scope", "tells", "how"),
    [
        (True, True, True, "cgroup"),
        (False, True, True, "scope"),
        (False, False, True, "watched"),
        (False, False, False, "not kept"),
    ],
)
def test_the_kernel_is_asked_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: bool, scope: bool, tells: bool, how: str
) -> None:
    looks = list[bool]()

    def find_parent(proc: Path, changes_nothing: bool) -> Path | None:
        looks.append(changes_nothing)
        return tmp_path if group else None

    monkeypatch.setattr(cgroups, "find_parent", find_parent)
    monkeypatch.setattr(scopes, "available", lambda: scope)
    if tells:
        (tmp_path / "status").write_text("VmRSS: 1 kB\n")
    assert choose_bounds(tmp_path).how == how
    assert choose_bounds(tmp_path, changes_nothing=True).how == how and looks == [False, True]


def test_how_limits_would_be_kept_is_told_without_a_change(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bounds = WatchedBounds()
    monkeypatch.setattr(choice, "choose_bounds", lambda changes_nothing: bounds if changes_nothing else None)
    assert main(["limits"]) == 0
    assert json.loads(capsys.readouterr().out) == {"limits": "watched"}
