"""Every message that docs/troubleshooting.md explains is in the program."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_ROW = re.compile(r"^\| (`.+?`) \| ", re.MULTILINE)


def messages() -> list[str]:
    """Return the messages, without the quotes of Markdown."""
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    return [quoted[1:-1] for quoted in _ROW.findall(text)]


@lru_cache(maxsize=1)
def modules() -> list[str]:
    """Return of each module all that its texts say, a placeholder being a space."""
    paths = [path for package in ("master", "worker_agent") for path in (ROOT / package).rglob("*.py")]
    return ["\n".join(_texts(ast.parse(path.read_text(encoding="utf-8")))) for path in paths]


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("message", messages())
def test_a_message_is_in_the_program(message: str) -> None:
    parts = [part.strip() for part in message.split("…") if part.strip(" :;,(")]
    assert parts, "nothing but names and figures"
    assert any(all(part in module for part in parts) for module in modules())


def test_there_is_something_to_explain() -> None:
    assert len(messages()) > 30
