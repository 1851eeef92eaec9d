"""How a trainer's job is started, and told from others."""

from __future__ import annotations

import ast

import pytest

from worker_agent.protocol.trainer_start import (
    TRAINER_CODE,
    start_file,
    start_text,
    start_words,
    started_trainer,
)


def test_what_starts_a_trainer_is_known_again() -> None:
    words = start_words("probes")
    assert words == ["{python}", f"{TRAINER_CODE}/{start_file('probes')}"]
    assert started_trainer([*words, "--lr", "0.1"]) == "probes"


@pytest.mark.parametrize(
    "argv",
    [
        ["python"],
        ["python", "train.py"],
        ["python", start_file("probes")],
        ["python", "-m", "trainers.probes"],
        ["python", f"{TRAINER_CODE}/../{start_file('probes')}"],
        ["python", f"{TRAINER_CODE}/{start_file('a/b')}"],
        ["python", "x.py", start_words("probes")[1]],
    ],
)
def test_another_program_is_no_trainer(argv: list[str]) -> None:
    assert started_trainer(argv) is None


def test_the_file_imports_its_trainer_by_a_plain_statement() -> None:
    body = ast.parse(start_text("probes")).body
    assert "trainers.probes.__main__" in [node.module for node in body if isinstance(node, ast.ImportFrom)]
