"""Which jobs may be added over the page."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from master.errors import NoMaster, UsageError
from master.storage.run_layout import RunLayout
from master.web import adding
from master.web.adding import Adding, checked


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    folder = tmp_path / "lab"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "train.py").touch()
    (tmp_path / "secret.py").touch()
    (folder / "link.py").symlink_to(tmp_path / "secret.py")
    (folder / "loop").symlink_to("loop")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "train.py").touch()
    (folder / "linked").symlink_to(tmp_path / "other")
    return folder.resolve()


def test_a_trainer_needs_no_folder() -> None:
    asked = {"jobs": [{"latent_dim": 8}], "trainer": "sae", "name": "mine", "dry_run": True}
    assert checked(asked, ()) == asked


def test_a_script_travels_with_the_named_folder_and_no_repository_around_it(lab: Path) -> None:
    found = checked({"jobs": [], "script": str(lab / "sub" / "train.py")}, [lab])
    assert (found["script"], found["project_root"]) == (str(lab / "sub" / "train.py"), str(lab))


def test_a_smaller_root_may_be_named(lab: Path) -> None:
    asked = {"jobs": [], "script": str(lab / "sub" / "train.py"), "project_root": str(lab / "sub")}
    assert checked(asked, [lab])["project_root"] == str(lab / "sub")


def test_a_module_lies_in_a_named_root(lab: Path) -> None:
    found = checked({"jobs": [], "module": "train", "project_root": str(lab / "sub")}, [lab])
    assert found["project_root"] == str(lab / "sub")


@pytest.mark.parametrize(
    "words",
    [
        {"script": "{lab}/../secret.py"},
        {"script": "{lab}/link.py"},
        {"script": "/etc/passwd"},
        {"script": "{lab}x/train.py"},
        {"script": "sub/train.py"},
        {"module": "train"},
        {"module": "train", "project_root": "/"},
        {"script": "{lab}/sub/train.py", "project_root": "{lab}/.."},
        {"trainer": "sae", "project_root": "/etc"},
        {"module": "linked.train", "project_root": "{lab}"},
        {"module": "link", "project_root": "{lab}"},
        {"script": "{lab}/loop/train.py"},
        {"script": "{lab}/sub/tr\0ain.py"},
        {"script": "{lab}/sub/train.py", "project_root": "{lab}/\0"},
    ],
)
@pytest.mark.parametrize("is_named", [True, False])
def test_nothing_outside_is_run_or_copied(words: Mapping[str, str], is_named: bool, lab: Path) -> None:
    asked = {"jobs": [], **{name: word.format(lab=lab) for name, word in words.items()}}
    with pytest.raises(UsageError):
        checked(asked, [lab] if is_named else [])


def test_without_a_folder_no_script_is_run(lab: Path) -> None:
    with pytest.raises(UsageError, match="twophase web --scripts DIR"):
        checked({"jobs": [], "script": str(lab / "sub" / "train.py")}, ())


@pytest.mark.parametrize(
    "asked", [[], "x", {"jobs": [], "script": 1}, {"jobs": [], "inputs": {}}, {"jobs": [], "path": "/x"}]
)
def test_what_is_no_request_is_refused(asked: Any, lab: Path) -> None:
    with pytest.raises(UsageError):
        checked(asked, [lab])


def test_the_master_is_given_what_was_checked(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Mapping[str, Any]] = []

    def added(layout: RunLayout, request: Mapping[str, Any]) -> Mapping[str, str]:
        given.append(request)
        return {"addition": "x"}

    monkeypatch.setattr(adding, "add_jobs", added)
    told = asyncio.run(Adding(RunLayout(lab), [lab / "sub"]).add({"jobs": [], "trainer": "sae"}))
    assert told == {"addition": "x"} and given == [{"jobs": [], "trainer": "sae"}]


def test_without_a_master_nothing_is_added(lab: Path) -> None:
    with pytest.raises(NoMaster):
        asyncio.run(Adding(RunLayout(lab)).add({"jobs": [], "trainer": "sae"}))


def test_a_folder_that_is_none_is_told_before_the_page_is_served(lab: Path) -> None:
    for wrong in (lab / "none", lab / "sub" / "train.py"):
        with pytest.raises(UsageError, match=r"--scripts .*: is no folder"):
            Adding(RunLayout(lab), [wrong])


@pytest.mark.parametrize("word", ["script", "project_root", "name", "why"])
def test_a_path_whose_links_take_minutes_to_follow_is_refused_at_once(word: str, lab: Path) -> None:
    with pytest.raises(UsageError, match=f"{word}: more than 4096 characters"):
        checked({"jobs": [], word: "/a" * 500_000}, [lab])


def test_paths_are_followed_off_the_thread_of_the_page(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []
    monkeypatch.setattr(adding, "checked", lambda asked, folders: threads.append(threading.get_ident()) or {})
    monkeypatch.setattr(adding, "add_jobs", lambda layout, request: {})
    assert asyncio.run(Adding(RunLayout(lab)).add({})) == {}
    assert threads and threads[0] != threading.get_ident()
