"""What copies on the head node say when they fail."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from master.adapters import local_session
from master.adapters.local_session import LocalSession
from master.errors import DiskFull, RemoteError


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.EACCES, RemoteError)],
    ids=["full", "quota", "forbidden"],
)
def test_a_full_disk_is_told_from_other_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[RemoteError]
) -> None:
    def failing(source: Path, target: Path) -> None:
        raise OSError(number, "in vain", str(target / "a"))

    monkeypatch.setattr(local_session, "mirror", failing)
    with LocalSession("here") as session, pytest.raises(RemoteError, match="a: in vain") as caught:
        session.push(tmp_path, str(tmp_path / "there"))
    assert type(caught.value) is kind
