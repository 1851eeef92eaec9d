"""The example that turns labelled texts into activations, with a model of a few lines."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from trainers.common.activations.reading import Wanted, columns_of, read_rows
from trainers.common.activations.rows import ResidentRows
from trainers.probes.reading.hdf5 import open_activations
from trainers.probes.reading.labels import read_targets

SCRIPT = Path(__file__).parents[3] / "examples" / "activations.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("activations_example", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Tokenizer:
    """One token a letter, none for any other mark."""

    model_max_length = 10**30

    def __call__(self, texts: list[str], max_length: int = 99, **_: object) -> dict[str, list[list[int]]]:
        return {"input_ids": [[ord(m) for m in text if m.isalpha()][:max_length] for text in texts]}


class Model:
    """Layer n holds n times a token's number, and its square."""

    device = torch.device("cpu")
    config = SimpleNamespace(max_position_embeddings=4)

    def __call__(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, output_hidden_states: bool
    ) -> SimpleNamespace:
        assert input_ids.shape == attention_mask.shape and output_hidden_states
        assert input_ids.shape[1] <= self.config.max_position_embeddings
        both = torch.stack([input_ids, input_ids**2], dim=-1).float()
        return SimpleNamespace(hidden_states=[layer * both for layer in range(3)])


@pytest.mark.parametrize(("pool", "expected"), [("last", [98, 99, 100]), ("mean", [97.5, 99, 99.5])])
def test_a_text_is_its_last_token_or_the_mean_of_all(
    example: ModuleType, pool: str, expected: list[float]
) -> None:
    parts = list(example.activations(Model(), Tokenizer(), ["ab", "c", "cd"], [2], 2, pool))
    assert [len(part[2]) for part in parts] == [2, 1]
    assert np.concatenate([part[2] for part in parts])[:, 0].tolist() == [2 * one for one in expected]


def test_a_text_is_cut_at_the_longest_input(example: ModuleType) -> None:
    (part,) = example.activations(Model(), Tokenizer(), ["abcdefgh"], [1], 2, "last")
    assert part[1][0, 0] == ord("d")
    limited = SimpleNamespace(model_max_length=3)
    assert example.longest_input(Model(), limited) == 3
    assert example.longest_input(SimpleNamespace(config=None), Tokenizer()) is None


def test_a_text_without_tokens_is_told(example: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"the tokenizer knows nothing of the text '\?!'; leave it out"):
        list(example.activations(Model(), Tokenizer(), ["ab", "?!"], [1], 2, "mean"))


@pytest.mark.parametrize(("wanted", "layers"), [(["all"], [1, 2, 3]), (["3", "1", "3"], [1, 3])])
def test_layers_are_numbers_or_all(example: ModuleType, wanted: list[str], layers: list[int]) -> None:
    assert example.chosen_layers(wanted, 3) == layers


@pytest.mark.parametrize("wanted", [["0"], ["4"], ["last"], ["all", "1"]])
def test_layers_that_the_model_has_not(example: ModuleType, wanted: list[str]) -> None:
    with pytest.raises(SystemExit, match="must be 'all' or of 1 to 3"):
        example.chosen_layers(wanted, 3)


@pytest.mark.slow
def test_any_number_of_labels_fits_into_the_file(example: ModuleType, tmp_path: Path) -> None:
    labels = [f"a label of some length, number {number}" for number in range(6000)] * 3
    example.write(tmp_path / "acts.h5", {1: np.zeros((len(labels), 1), "float32")}, labels, seed=1)
    assert open_activations(tmp_path / "acts.h5", "/layer_1").names == sorted(set(labels))


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


class Letters(Tokenizer):
    """Tells its letters again, and where they stand where it is fast."""

    def __init__(self, is_fast: bool) -> None:
        self.is_fast = is_fast

    def decode(self, ids: list[int]) -> str:
        return "".join(map(chr, ids))

    def __call__(self, texts: list[str], max_length: int = 99, **options: object) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = dict(super().__call__(texts, max_length))
        if options.get("return_offsets_mapping"):
            spans = [[(i, i + 1) for i, m in enumerate(text) if m.isalpha()][:max_length] for text in texts]
            found["offset_mapping"] = spans
        return found


@pytest.mark.parametrize("is_fast", [True, False])
@pytest.mark.parametrize("half", [True, False])
def test_every_token_is_a_row_that_train_sae_reads(
    example: ModuleType, tmp_path: Path, is_fast: bool, half: bool
) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "acts.parquet"
    tables = example.token_tables(Model(), Letters(is_fast), ["ab", "c d", "efghij"], [1, 2], 2)
    assert example.write_tokens(path, tables, half) == 2 * (2 + 2 + 4)
    rows = read_rows(path, Wanted(layer=2))
    assert isinstance(rows, ResidentRows)
    assert rows.x_ND[:, 0].tolist() == [2 * ord(letter) for letter in "abcdefgh"]
    told = columns_of(path, 2, ("token_id", "token_text", "text_snippet", "token_start", "position", "text"))
    assert told["token_id"] == [ord(letter) for letter in "abcdefgh"]
    assert told["token_text"] == list("abcdefgh") and told["position"] == [0, 1, 0, 1, 0, 1, 2, 3]
    assert told["text"] == [0, 0, 1, 1, 2, 2, 2, 2]
    for snippet, start, token in zip(told["text_snippet"], told["token_start"], "abcdefgh", strict=True):
        assert snippet[start] == token
    assert told["text_snippet"][2] == ("c d" if is_fast else "cd")


def test_a_snippet_is_cut_around_its_token(example: ModuleType) -> None:
    text = "a" * 500 + "b" + "c" * 500
    before, token, after = example.snippet(Letters(True), text, [], 0, (500, 501))
    assert (len(before), token, len(after)) == (example.BEFORE, "b", example.AFTER)


def test_a_file_without_text_is_told(example: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("\n \n")
    with pytest.raises(SystemExit, match="holds no text"):
        example.read_lines(tmp_path / "t.txt")
    with pytest.raises(SystemExit, match="the tokenizer knows nothing"):
        example.token_columns(Letters(True), "?!", None)
