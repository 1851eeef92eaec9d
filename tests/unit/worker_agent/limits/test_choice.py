"""Which way of keeping limits is chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker_agent.limits import cgroups, scopes
from worker_agent.limits.choice import choose_bounds


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
    monkeypatch.setattr(cgroups, "find_parent", lambda proc: tmp_path if group else None)
    monkeypatch.setattr(scopes, "available", lambda: scope)
    if tells:
        (tmp_path / "status").write_text("VmRSS: 1 kB\n")
    assert choose_bounds(tmp_path).how == how
