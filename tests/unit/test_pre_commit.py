"""The hooks before a commit run what `scripts/test` checks, and download nothing."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]


def hooks() -> list[dict[str, Any]]:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    return [hook for repo in config["repos"] if repo["repo"] == "local" for hook in repo["hooks"]]


def test_all_hooks_are_of_the_environment() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    assert {hook["language"] for hook in hooks()} == {"system"}
    assert all(hook["entry"].startswith(".venv/bin/python ") for hook in hooks())


def test_what_is_checked_before_the_tests_is_checked_before_a_commit() -> None:
    lines = (ROOT / "scripts/test").read_text("utf-8").splitlines()
    checks = {line.split()[1] for line in lines if line.strip().startswith("check ")}
    entries = {word for hook in hooks() for word in hook["entry"].split()}
    assert checks == {"ruff", "mypy"}
    assert checks <= entries
