"""The example that turns labelled texts into activations, with a model of a few lines."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from trainers.probes.hdf5 import open_activations
from trainers.probes.labels import read_targets

SCRIPT = Path(__file__).parents[3] / "examples" / "activations.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("activations_example", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Tokens(dict):
    def to(self, _: object) -> Tokens:
        return self


class Tokenizer:
    """One token a character, padded on the side that it is told to."""

    padding_side = "left"
    pad_token: str | None = None
    eos_token = "."

    def __call__(self, texts: list[str], **_: object) -> Tokens:
        assert (self.padding_side, self.pad_token) == ("right", ".")
        width = max(map(len, texts))
        ids = torch.tensor([[ord(mark) for mark in text.ljust(width)] for text in texts])
        mask = torch.tensor([[1] * len(text) + [0] * (width - len(text)) for text in texts])
        return Tokens(input_ids=ids, attention_mask=mask)


class Model:
    """Layer n holds n times a token's number, and its square."""

    device = torch.device("cpu")

    def __call__(self, input_ids: torch.Tensor, **_: object) -> SimpleNamespace:
        both = torch.stack([input_ids, input_ids**2], dim=-1).float()
        return SimpleNamespace(hidden_states=[layer * both for layer in range(3)])


@pytest.mark.parametrize(("pool", "expected"), [("last", [98, 99, 100]), ("mean", [97.5, 99, 99.5])])
def test_a_text_is_its_last_token_or_the_mean_of_all(
    example: ModuleType, pool: str, expected: list[float]
) -> None:
    parts = list(example.activations(Model(), Tokenizer(), ["ab", "c", "cd"], [2], 2, pool))
    assert [len(part[2]) for part in parts] == [2, 1]
    assert np.concatenate([part[2] for part in parts])[:, 0].tolist() == [2 * one for one in expected]


def test_what_it_writes_train_probes_reads(example: ModuleType, tmp_path: Path) -> None:
    labels = ["say"] * 11 + ["do"] * 7 + ["see"] * 3
    values = np.arange(21, dtype="float32")[:, None]
    example.write(tmp_path / "acts.h5", {4: values}, labels, seed=1)
    file = open_activations(tmp_path / "acts.h5", "/layer_4")
    targets = read_targets(file)
    assert targets.names == ["do", "say", "see"]
    assert targets.unscoreable == {}
    assert sum(split.n_rows for split in file.splits.values()) == 21


def test_lines_that_are_no_examples(example: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "texts.tsv"
    path.write_text("a\tone\n\nno tab\n")
    with pytest.raises(SystemExit, match=r"line 3: must be a label, a tab and a text"):
        example.read_texts(path)
    path.write_text("a\tone\na\ttwo\n")
    with pytest.raises(SystemExit, match=r"every label needs 3 examples; too few of: a"):
        example.read_texts(path)
    path.write_text("a\tone\na\t two \na\tthree\n")
    assert example.read_texts(path) == (["a", "a", "a"], ["one", "two", "three"])
