"""`train_sae recover`: texts to batches, and what is missing."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.unit.trainers.sae.data import sae
from trainers.sae.cli import main
from trainers.sae.commands.recover import batches
from trainers.sae.files.seed import write_seed


def test_texts_are_padded_on_the_right() -> None:
    def tokenizer(text: str, truncation: bool) -> dict[str, list[int]]:
        assert truncation
        return {"input_ids": [ord(letter) for letter in text]}

    (first, second) = batches(tokenizer, ["ab", "c", "def"], 2)
    assert first[0].tolist() == [[97, 98], [99, 0]] and first[1].tolist() == [[1, 1], [1, 0]]
    assert second[0].tolist() == [[100, 101, 102]]


@pytest.mark.skipif(importlib.util.find_spec("transformers") is not None, reason="transformers is there")
def test_without_transformers_it_is_said_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_seed(tmp_path, "sae_layer_3", sae("topk"))
    (tmp_path / "t.txt").write_text("a text\n")
    assert main(["recover", str(tmp_path), "--model", "m", "--texts", str(tmp_path / "t.txt")]) == 1
    assert "pip install transformers" in capsys.readouterr().err
