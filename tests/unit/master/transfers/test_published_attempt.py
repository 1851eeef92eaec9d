"""A result that lies in its place is told from what is not ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from master.transfers import published_attempt
from master.transfers.published_attempt import find_published_attempt
from tests.support.courier_world import put
from tests.support.endings import finished
from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.digests import FileDigest, content_hash
from worker_agent.protocol.outcome import Finished


@pytest.fixture
def one(tmp_path: Path) -> Finished:
    """What an agent says of an attempt that left `a` with `one` in it."""
    return finished(files=put(tmp_path / "one", {"a": "one"}))


def test_the_attempt_that_made_what_is_there_is_found(tmp_path: Path, one: Finished) -> None:
    two = finished(files=put(tmp_path / "two", {"a": "two"}))
    found = content_hash(one.files)
    assert find_published_attempt(tmp_path / "one", {1: one, 2: two}) == (1, found)
    assert find_published_attempt(tmp_path / "one", {1: one, 2: two, 3: one}) == (3, found)


@pytest.mark.parametrize("said", [{}, {"files": []}])
@pytest.mark.parametrize("contents", [{}, {"a": "one"}])
def test_what_no_agent_announced_is_not_ours(
    tmp_path: Path, said: dict[str, Any], contents: dict[str, str]
) -> None:
    put(tmp_path / "result", contents)
    assert find_published_attempt(tmp_path / "result", {1: finished(**said)}) is None


@pytest.mark.parametrize("files", [None, [["../a", 3, "0"]], 5, [["a", 1]]])
def test_what_an_agent_cannot_have_said_is_nobodys(files: object) -> None:
    with pytest.raises(MessageError, match=r"Finished\.files"):
        finished(files=files)


@pytest.mark.parametrize("contents", [{"a": "other"}, {"a": "one", "b": "more"}, {"b": "one"}])
def test_what_is_not_the_same_is_not_ours(tmp_path: Path, one: Finished, contents: dict[str, str]) -> None:
    put(tmp_path / "result", contents)
    assert find_published_attempt(tmp_path / "result", {1: one}) is None


def test_nothing_is_found_where_nothing_is_or_it_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, one: Finished
) -> None:
    def unreadable(path: Path) -> list[FileDigest]:
        raise PermissionError(13, "Permission denied", str(path))

    assert find_published_attempt(tmp_path / "missing", {1: one}) is None
    monkeypatch.setattr(published_attempt, "digest_directory", unreadable)
    assert find_published_attempt(tmp_path / "one", {1: one}) is None
