"""Write a language model's activations: on labelled texts for `train_probes`, of every token for `train_sae`.

    pip install transformers
    python examples/activations.py --model Qwen/Qwen2.5-0.5B --texts texts.tsv --layers 6 12 --output acts.h5
    train_probes --activations acts.h5 --layer 6 12 --output-dir probes

`texts.tsv` holds one example a line: label, tab, text.  The activation of an example is the residual stream
after a layer, at the text's last token, which has seen all others in a decoder, or its mean over all tokens
(--pool mean), which suits an encoder.  Texts are cut at the model's longest input.  Examples are dealt out to
train, val and test at random, label by label, 70 : 15 : 15.

With an output that ends in .parquet, every token of every line is an example (lines need no label):

    python examples/activations.py --model Qwen/Qwen2.5-0.5B --texts t.txt --layers all --output acts.parquet
    train_sae --activation-path acts.parquet --layer-idx 12 --export page

Its columns are `activation`, `layer_idx`, `token_id`, `token_text`, `text_snippet` with `token_start`, where
in the snippet the token begins, `position` in the text, and `text`, the line's number from 0.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SHARES = {"train": 0.70, "val": 0.15, "test": 0.15}
FEWEST = 3
"""Examples a label needs, one for each split."""
BEFORE, AFTER = 160, 60
"""Characters around a token in its snippet; where the tokenizer does not tell places, tokens as below."""
BEFORE_TOKENS, AFTER_TOKENS = 40, 15
UNLIMITED = 10**9
"""Tokens; a greater limit is none."""


def read_texts(path: Path) -> tuple[list[str], list[str]]:
    """Return the labels and the texts of a file; ends the program at a line that is neither."""
    labels, texts = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        label, tab, text = line.partition("\t")
        if not line.strip():
            continue
        if not (tab and label.strip() and text.strip()):
            raise SystemExit(f"{path}, line {number}: must be a label, a tab and a text")
        labels.append(label.strip())
        texts.append(text.strip())
    rare = sorted(label for label, count in Counter(labels).items() if count < FEWEST)
    if rare or not labels:
        raise SystemExit(
            f"{path}: every label needs {FEWEST} examples; too few of: {', '.join(rare) or 'all'}"
        )
    return labels, texts


def deal(labels: Sequence[str], seed: int) -> dict[str, NDArray[np.int64]]:
    """Return the examples of every split; each label is in each of them."""
    rng = np.random.default_rng(seed)
    dealt: dict[str, list[int]] = {split: [] for split in SHARES}
    for label in sorted(set(labels)):
        rows = rng.permutation([row for row, one in enumerate(labels) if one == label])
        held_out = {split: max(1, round(SHARES[split] * len(rows))) for split in ("val", "test")}
        val, test, train = np.split(rows, np.cumsum(list(held_out.values())))
        for split, part in (("val", val), ("test", test), ("train", train)):
            dealt[split] += part.tolist()
    return {split: np.sort(np.array(rows, dtype=np.int64)) for split, rows in dealt.items()}


def pooled(hidden: Tensor, mask: Tensor, pool: str) -> Tensor:
    """Return one activation [B, D] a text, from those of its tokens [B, T, D] and the mask [B, T] of these.

    Padding must be on the right.
    """
    if pool == "mean":
        weights = mask[:, :, None].to(hidden.dtype)
        return (hidden * weights).sum(1) / weights.sum(1)
    return hidden[torch.arange(len(hidden), device=hidden.device), mask.sum(1) - 1]


def tokenized(tokenizer: Any, texts: Sequence[str], longest: int | None) -> tuple[Tensor, Tensor]:
    """Return the tokens [B, T] of texts, padded on the right, and the mask [B, T] of those that are text."""
    cut = {} if longest is None else {"truncation": True, "max_length": longest}
    rows = tokenizer(list(texts), **cut)["input_ids"]
    for row, text in zip(rows, texts, strict=True):
        if not row:
            raise SystemExit(f"the tokenizer knows nothing of the text {text!r}; leave it out")
    # Which number pads does not matter, since the mask hides it; not every tokenizer has one for that.
    tokens = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.int64)
    mask = torch.zeros_like(tokens)
    for place, row in enumerate(rows):
        tokens[place, : len(row)] = torch.tensor(row)
        mask[place, : len(row)] = 1
    return tokens, mask


def activations(
    model: Any, tokenizer: Any, texts: Sequence[str], layers: Sequence[int], batch: int, pool: str
) -> Iterator[dict[int, NDArray[np.float32]]]:
    """Yield the activations of `batch` texts after every layer, float32 [B, D] each."""
    longest = longest_input(model, tokenizer)
    for start in range(0, len(texts), batch):
        tokens, mask = tokenized(tokenizer, texts[start : start + batch], longest)
        tokens, mask = tokens.to(model.device), mask.to(model.device)
        with torch.no_grad():
            states = model(input_ids=tokens, attention_mask=mask, output_hidden_states=True).hidden_states
        yield {layer: pooled(states[layer].float(), mask, pool).cpu().numpy() for layer in layers}


def longest_input(model: Any, tokenizer: Any) -> int | None:
    """Return how many tokens the model takes at most, as far as it or its tokenizer says."""
    # A tokenizer that was not told its model's limit has one of 10^30.
    said = (getattr(model.config, "max_position_embeddings", None), tokenizer.model_max_length)
    return min((int(limit) for limit in said if limit and 0 < limit < UNLIMITED), default=None)


def read_lines(path: Path) -> list[str]:
    """Return the lines of a file that are not empty; ends the program where there are none."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not lines:
        raise SystemExit(f"{path}: holds no text; one a line is wanted")
    return lines


def token_columns(tokenizer: Any, text: str, longest: int | None) -> dict[str, list[Any]]:
    """Return what is told of every token of a text; ends the program where it has none."""
    cut = {} if longest is None else {"truncation": True, "max_length": longest}
    exact = {"return_offsets_mapping": True} if getattr(tokenizer, "is_fast", False) else {}
    found = tokenizer([text], **cut, **exact)
    ids = found["input_ids"][0]
    if not ids:
        raise SystemExit(f"the tokenizer knows nothing of the text {text!r}; leave it out")
    spans = found["offset_mapping"][0] if exact else [(0, 0)] * len(ids)
    parts = [snippet(tokenizer, text, ids, place, span) for place, span in enumerate(spans)]
    return {
        "token_id": list(ids),
        "token_text": [token for _, token, _ in parts],
        "text_snippet": ["".join(part) for part in parts],
        "token_start": [len(before) for before, _, _ in parts],
        "position": list(range(len(ids))),
    }


def snippet(
    tokenizer: Any, text: str, ids: Sequence[int], place: int, span: tuple[int, int]
) -> tuple[str, str, str]:
    """Return the text before a token, the token, and the text after it; `span`: its place, if known."""
    start, end = span
    if start < end:
        return text[max(0, start - BEFORE) : start], text[start:end], text[end : end + AFTER]
    token = tokenizer.decode([ids[place]])
    before = tokenizer.decode(ids[max(0, place - BEFORE_TOKENS) : place]) if place else ""
    return before, token, tokenizer.decode(ids[place + 1 : place + 1 + AFTER_TOKENS])


def token_tables(
    model: Any, tokenizer: Any, texts: Sequence[str], layers: Sequence[int], batch: int
) -> Iterator[tuple[int, NDArray[np.float32], dict[str, list[Any]]]]:
    """Yield (layer, activations [n, D], columns [n]) of all tokens of `batch` texts, layer by layer."""
    longest = longest_input(model, tokenizer)
    for start in range(0, len(texts), batch):
        some = texts[start : start + batch]
        told = [token_columns(tokenizer, text, longest) for text in some]
        columns: dict[str, list[Any]] = {name: [one for row in told for one in row[name]] for name in told[0]}
        columns["text"] = [start + row for row, one in enumerate(told) for _ in one["position"]]
        tokens, mask = tokenized(tokenizer, some, longest)
        tokens, mask = tokens.to(model.device), mask.to(model.device)
        with torch.no_grad():
            states = model(input_ids=tokens, attention_mask=mask, output_hidden_states=True).hidden_states
        for layer in layers:
            yield layer, states[layer][mask.bool()].float().cpu().numpy(), columns


def write_tokens(
    path: Path, tables: Iterator[tuple[int, NDArray[np.float32], dict[str, list[Any]]]], half: bool
) -> int:
    """Write tables as row groups of one Parquet file, each of one layer; return how many rows."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise SystemExit("a .parquet output needs pyarrow: pip install pyarrow") from None
    fresh, writer, rows = path.with_name(f".{path.name}.fresh"), None, 0
    try:
        for layer, values, columns in tables:
            flat = pa.array(values.astype("f2" if half else "f4").reshape(-1))
            lists = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
            layers = pa.array([layer] * len(values), pa.int32())
            table = pa.table({"activation": lists, "layer_idx": layers, **columns})
            writer = writer or parquet.ParquetWriter(fresh, table.schema)
            writer.write_table(table, row_group_size=len(values))
            rows += len(values)
    finally:
        if writer is not None:
            writer.close()
    fresh.replace(path)
    return rows


def write(path: Path, found: dict[int, NDArray[np.float32]], labels: Sequence[str], seed: int) -> None:
    """Write one group of splits for every layer, and the names of the labels."""
    names = sorted(set(labels))
    classes = np.array([names.index(label) for label in labels])
    splits = deal(labels, seed)
    with h5py.File(path, "w") as file:
        # A dataset, since an attribute has room for a few thousand names only.
        file["actions"] = names
        for layer, values in found.items():
            for split, rows in splits.items():
                file[f"layer_{layer}/{split}/activations"] = values[rows]
                file[f"layer_{layer}/{split}/labels"] = classes[rows]


def load_model(name: str, device: str) -> tuple[Any, Any]:
    """Return a model and its tokenizer from the Hugging Face hub or a local directory."""
    try:
        from transformers import AutoModel, AutoTokenizer
    except ImportError:
        raise SystemExit("this example needs transformers: pip install transformers") from None
    dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
    try:
        model, tokenizer = AutoModel.from_pretrained(name), AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise SystemExit(f"--model {name}: {error}") from None
    if model.config.is_encoder_decoder:
        model = model.get_encoder()
    return model.to(device, dtype).eval(), tokenizer


def chosen_layers(wanted: Sequence[str], depth: int) -> list[int]:
    """Return the numbers of the layers that --layers names; ends the program at one that is none."""
    if list(wanted) == ["all"]:
        return list(range(1, depth + 1))
    if not all(layer.isdecimal() and 1 <= int(layer) <= depth for layer in wanted):
        raise SystemExit(f"--layers {' '.join(wanted)}: must be 'all' or of 1 to {depth}")
    return sorted({int(layer) for layer in wanted})


def main() -> int:
    """Write the file that the flags name."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", required=True, help="name on the Hugging Face hub, or a directory")
    parser.add_argument(
        "--texts",
        type=Path,
        required=True,
        help="one example a line: label, tab, text; with .parquet as output, text alone",
    )
    parser.add_argument("--layers", nargs="+", required=True, help="1 is after the first layer; or 'all'")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--half", action="store_true", help="with .parquet: store float16")
    parser.add_argument("--pool", choices=("last", "mean"), default="last")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args()
    by_token = flags.output.suffix == ".parquet"
    labels, texts = ([], read_lines(flags.texts)) if by_token else read_texts(flags.texts)
    model, tokenizer = load_model(flags.model, flags.device)
    layers = chosen_layers(flags.layers, model.config.num_hidden_layers)
    if by_token:
        tables = token_tables(model, tokenizer, texts, layers, flags.batch_size)
        print(f"{flags.output}: {write_tokens(flags.output, tables, flags.half)} rows, layers {layers}")
        return 0
    parts = list(activations(model, tokenizer, texts, layers, flags.batch_size, flags.pool))
    found = {layer: np.concatenate([part[layer] for part in parts]) for layer in layers}
    write(flags.output, found, labels, flags.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
