"""CONTRIBUTING.md and the records of decisions name files that are there."""

import re
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("master", "worker_agent", "trainers")
PAGES = [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs/decisions").glob("*.md"))]
_NAMED = re.compile(r"`([\w.-]+\.py|[\w.-]+/[\w./-]*)`")
_LINKED = re.compile(r"\]\(([^)#:]+)\)")


def modules() -> set[str]:
    """Return the names of all modules: the guide calls one by its name beside another of its folder."""
    return {path.name for path in chain.from_iterable((ROOT / room).rglob("*.py") for room in PRODUCT)}


def test_each_file_and_folder_that_the_guide_names_is_there() -> None:
    named = set(_NAMED.findall((ROOT / "CONTRIBUTING.md").read_text("utf-8")))
    assert {"master/runs/run.py", "trainers/common/"} <= named
    known = modules()
    missing = [
        name
        for name in sorted(named)
        if not (ROOT / name).exists()
        and name not in known
        and not (name.endswith("/") and any(ROOT.glob(f"worker_agent/**/{name}")))
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = _LINKED.findall(page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_each_decision_is_in_the_list() -> None:
    listed = (ROOT / "docs/decisions/README.md").read_text("utf-8")
    records = [page for page in PAGES if page.name[0].isdigit()]
    assert len(records) >= 15
    for page in records:
        title = page.read_text("utf-8").splitlines()[0].removeprefix("# ")
        assert f"[{page.name[:3]}]({page.name}) | {title} |" in listed


@pytest.mark.parametrize("package", ["master", "worker_agent"])
def test_each_room_is_in_the_guide(package: str) -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rooms = [folder.parent.name for folder in (ROOT / package).glob("*/__init__.py")]
    assert [room for room in rooms if not re.search(rf"`(?:{package}/)?{room}/", guide)] == []
