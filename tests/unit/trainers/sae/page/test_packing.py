"""Features become numbers in a row and texts that are held once."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainers.common.errors import BadInput
from trainers.sae.page.packing import LONGEST, NONE, packed, read_features

COLUMNS: dict[str, list[Any]] = {
    "id": [0, 1],
    "sparsity": [0.5, 0.0],
    "activation_strength": [2.0, 0.0],
    "neighbours": [[1], [0]],
    "neighbour_cosines": [[0.25], [0.25]],
    "top_strengths": [[3.0, 1.5], []],
    "top_examples": [[7, 4], []],
}


def unpacked(blob: str) -> bytes:
    return gzip.decompress(base64.b64decode(blob))


def texts(**columns: list[Any]) -> list[list[str]]:
    found: list[list[str]] = json.loads(unpacked(packed({**COLUMNS, **columns}).texts))
    return found


def test_numbers_lie_in_the_order_that_the_page_reads() -> None:
    found = packed(COLUMNS)
    assert (found.latents, found.top, found.near) == (2, 2, 1)
    raw = unpacked(found.numbers)
    assert np.frombuffer(raw, "<f4", 4).tolist() == [0.5, 0.0, 2.0, 0.0]
    assert np.frombuffer(raw, "<u4", 2, 16).tolist() == [1, 0]
    assert np.frombuffer(raw, "<f4", 2, 24).tolist() == [0.25, 0.25]
    assert np.frombuffer(raw, "<u4", 4, 32).tolist() == [0, 1, NONE, NONE]
    assert np.frombuffer(raw, "<f4", 4, 48).tolist() == [3.0, 1.5, 0.0, 0.0]


def test_equal_texts_are_held_once_and_cut_at_their_token() -> None:
    snippets, tokens, starts = [["a cat sat", "a cat sat"], []], [["cat", "cat"], []], [[2, 2], []]
    assert texts(top_snippets=snippets, top_token_texts=tokens, top_starts=starts) == [["a ", "cat", " sat"]]
    long = [["x" * 900 + "cat" + "y" * 900, "b"], []]
    found = texts(top_snippets=long, top_token_texts=[["cat", "b"], []], top_starts=[[900, 0], []])
    assert [len(part) for part in found[0]] == [LONGEST * 3 // 4, 3, LONGEST // 4]


@pytest.mark.parametrize("start", [None, -1, 99, "2"])
def test_a_token_whose_place_is_not_told_is_not_marked(start: object) -> None:
    columns = {"top_snippets": [["a cat"] * 2, []], "top_token_texts": [["cat"] * 2, []]}
    assert texts(**columns, top_starts=[[start] * 2, []]) == [["a cat", "", ""]]


def test_without_texts_rows_and_tokens_are_numbers() -> None:
    assert texts() == [["row 7 ", "", ""], ["row 4 ", "", ""]]
    assert texts(top_tokens=[[11, 12], []])[0] == ["row 7 ", "token 11", ""]


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    with pytest.raises(BadInput, match="missing or not a Parquet file of features"):
        read_features(tmp_path / "none.parquet")
    pq.write_table(pa.table({"id": [1]}), tmp_path / "x.parquet")
    with pytest.raises(BadInput, match="no column sparsity, activation_strength, top_strengths"):
        read_features(tmp_path / "x.parquet")
    pq.write_table(pa.table(COLUMNS), tmp_path / "good.parquet")
    assert read_features(tmp_path / "good.parquet") == COLUMNS
