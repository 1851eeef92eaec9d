"""What a working directory shows of its mounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker_agent.attempts.mounts import View, plan_view
from worker_agent.protocol.messages import Mount

TREES = {
    "/cache/c": ["data", "experiments", "train.py"],
    "/cache/c/data": ["001", "readme"],
    "/cache/c/data/001": ["x.pt"],
    "/project": ["experiments", "train.py"],
}
CODE = Mount("", artefact="c"), Path("/cache/c")


def listing(path: Path) -> list[str]:
    return TREES.get(str(path), [])


def data(at: str, target: str) -> tuple[Mount, Path]:
    return Mount(at, path=target), Path(target)


@pytest.mark.parametrize(
    ("mounts", "view"),
    [
        ([CODE], View({"data": Path("/cache/c/data"), "train.py": Path("/cache/c/train.py")})),
        (
            [CODE, data("data/002", "/lab/002")],
            View(
                {
                    "data/001": Path("/cache/c/data/001"),
                    "data/readme": Path("/cache/c/data/readme"),
                    "train.py": Path("/cache/c/train.py"),
                },
                {"data/002": Path("/lab/002")},
            ),
        ),
        (
            [CODE, data("data/001", "/lab/001")],
            View(
                {"data/readme": Path("/cache/c/data/readme"), "train.py": Path("/cache/c/train.py")},
                {"data/001": Path("/lab/001")},
            ),
        ),
        ([data("", "/project")], View(links={"train.py": Path("/project/train.py")})),
        (
            [(Mount("experiments/base_models/b", artefact="b"), Path("/cache/b"))],
            View(links={"experiments/base_models/b": Path("/cache/b")}),
        ),
        ([data("a/./b/", "/x")], View(links={"a/b": Path("/x")})),
        ([data("a", "/x"), data("a", "/y")], View(links={"a": Path("/y")})),
        ([data("a/b", "/x"), data("a", "/y")], View(links={"a": Path("/y")})),
        ([], View()),
    ],
)
def test_the_code_is_copied_and_all_else_is_linked_to(mounts: list[tuple[Mount, Path]], view: View) -> None:
    assert plan_view(mounts, listing) == view
