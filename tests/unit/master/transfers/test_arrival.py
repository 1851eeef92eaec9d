"""Files come home as what was announced, or not at all."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, cast

import pytest

from master.adapters.agent_client import WorkerLink
from master.errors import IntegrityError
from master.storage.run_layout import RunLayout
from master.transfers.arrival import Arrival, bring_log
from master.transfers.remote import Remote
from tests.support.courier_world import Line
from tests.support.endings import finished
from worker_agent.protocol.digests import FileDigest, digest_directory


def rows(folder: Path, **contents: str) -> list[FileDigest]:
    """Write files, and return what is announced of them."""
    folder.mkdir(exist_ok=True)
    for name, text in contents.items():
        (folder / name).write_text(text)
    return digest_directory(folder)


def encoded(**contents: str) -> dict[str, str]:
    return {name: base64.b64encode(text.encode()).decode() for name, text in contents.items()}


@pytest.fixture
def layout(tmp_path: Path) -> RunLayout:
    return RunLayout(tmp_path / "run")


def arrival(layout: RunLayout, **said: Any) -> Arrival:
    remote = Remote(cast(WorkerLink, Line(None)), "r1")
    return Arrival(layout, remote, "a/b", 2, finished(**said))


def nowhere() -> Path:
    raise AssertionError("the message holds all")


def test_what_the_message_holds_is_not_fetched(layout: RunLayout, tmp_path: Path) -> None:
    files = rows(tmp_path / "made", x="one")
    found = arrival(layout, inline=encoded(x="one"), empty_folders=["empty"], executable=["x"])
    staged = found.stage("output", files, nowhere)
    assert staged.is_relative_to(layout.incoming("a/b", 2)) and (staged / "x").read_text() == "one"
    assert (staged / "empty").is_dir() and (staged / "x").stat().st_mode & 0o111
    found.clear()
    assert not layout.incoming("a/b", 2).exists()


def test_what_is_not_what_was_announced_is_kept_as_evidence(layout: RunLayout, tmp_path: Path) -> None:
    files = rows(tmp_path / "made", x="one")
    with pytest.raises(IntegrityError, match="what came from lab1 is not what its agent announced"):
        arrival(layout, inline=encoded(x="two")).stage("output", files, nowhere)
    (evidence,) = layout.set_aside("x").parent.iterdir()
    assert (evidence / "x").read_text() == "two"


def test_a_message_that_lacks_a_file_is_no_message_of_all(layout: RunLayout, tmp_path: Path) -> None:
    files = rows(tmp_path / "made", x="one", y="two")
    asked: list[tuple[str, Path, str]] = []
    found = arrival(layout, inline=encoded(x="one"))
    object.__setattr__(found, "fetch", lambda *words: asked.append(words))
    found.stage("output", files, lambda: Path("/there"))
    assert asked == [("output", Path("/there"), files)]


def test_a_log_comes_home_once(layout: RunLayout, tmp_path: Path) -> None:
    (file,) = rows(tmp_path / "made", log="line 1\n")
    said = {"log": [file.path, file.size, file.sha256], "inline": {"": encoded(x="line 1\n")["x"]}}
    bring_log(arrival(layout, **said))
    target = layout.log("a/b", 2)
    assert target.read_text() == "line 1\n"
    target.write_text("line 1\nours\n")
    bring_log(arrival(layout, **said))
    assert target.read_text() == "line 1\nours\n"


def test_an_attempt_without_a_log_leaves_none(layout: RunLayout) -> None:
    bring_log(arrival(layout))
    assert not layout.log("a/b", 2).exists()
