"""The command `predict_tabular`: a trained model asked for rows of a file.

    predict_tabular data/tabular/tabm new_rows.csv
    predict_tabular data/tabular/tabm 'scans/*.root' --output predicted.parquet --keep run

Prints CSV, or writes CSV or Parquet: for each target the mean over the model's members, their spread, and
intervals that hold 68, 90 and 95 % of what was held out in training; for classes the most likely one and
all probabilities.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from trainers.common.errors import BadInput, TrainerError, exit_code_of
from trainers.tabular.cli import NEEDS
from trainers.tabular.settings import NETWORKS

if TYPE_CHECKING:
    import numpy as np

    from trainers.tabular.data.reading.files import Files
    from trainers.tabular.results.surrogate import Precision, Surrogate

NAME = "predict_tabular"
_ENDINGS = (".csv", ".parquet")
_CODE = re.compile(r"[+-]?0\d+|\+.*|[+-]?\d{16,}")
"""Digits that are a name, such as 007, or more of them than a float64 holds."""


def main(argv: Sequence[str] | None = None) -> int:
    """Predict the rows that the words name; return the exit code."""
    arguments = build_parser().parse_args(argv)
    return exit_code_of(lambda: run(arguments, sys.stdout, sys.stderr), NAME, sys.stderr)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = argparse.ArgumentParser(
        NAME, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="folder of a model, or an output that holds only one")
    parser.add_argument("rows", nargs="+", help="files, or patterns of them, in any format of train_tabular")
    parser.add_argument("--output", type=Path, help=f"of {', '.join(_ENDINGS)}; default: CSV to stdout")
    parser.add_argument("--keep", nargs="+", default=[], help="columns of the rows to write beside")
    parser.add_argument("--tree", help="in ROOT files: the TTree or RNTuple (default: the only one)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:<number>")
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        default="float32",
        help="bfloat16: products in it, faster where the processor has it, rounded to three digits",
    )
    return parser


def run(arguments: argparse.Namespace, stream: TextIO, told: TextIO) -> None:
    """Predict and write, with what there is to tell of the rows to `told`.

    Raises BadInput, before anything is written, where the rows lack columns of the model.
    """
    output: Path | None = arguments.output
    if output is not None and output.suffix.lower() not in _ENDINGS:
        raise BadInput(f"--output {output}: must end with {' or '.join(_ENDINGS)}")
    try:
        surrogate = loaded(arguments.model, arguments.device, arguments.precision)
        predicted, notes = predictions(surrogate, arguments.rows, arguments.keep, arguments.tree)
    except ModuleNotFoundError as error:
        raise TrainerError(f"{error}: {NEEDS}") from error
    for note in notes:
        print(f"{NAME}: {note}", file=told)
    if output is None:
        _write_csv(predicted, stream)
    else:
        from trainers.common.files import write_bytes

        write_bytes(output, _file_bytes(predicted, output.suffix.lower()))


def loaded(model: Path, device: str = "auto", precision: Precision = "float32") -> Surrogate:
    """Return the model of a folder, or of an output that holds only one, as something to be asked."""
    from trainers.common.devices import resolve_device
    from trainers.tabular.results.surrogate import Surrogate

    return Surrogate.load(model_folder(model), resolve_device(device), precision)


def predictions(
    surrogate: Surrogate, rows: Sequence[str], keep: Sequence[str] = (), tree: str | None = None
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Return the columns of what a saved model predicts for rows of files, and what there is to tell.

    `keep`: columns of the rows that come first; `y_given` is what the rows have as y, where y is predicted.
    Raises BadInput for columns that are not there.
    """
    from trainers.tabular.data.reading.files import find_files
    from trainers.tabular.data.schema import FILE
    from trainers.tabular.results.surrogate import check_columns

    columns = surrogate.model.spec.columns
    files = replace(find_files(rows, tree, flag=""), texts=columns.categorical)
    names = files.names()
    check_columns(columns.names, [*names, FILE])
    absent = [name for name in keep if name not in names and name != FILE]
    if absent:
        raise BadInput(f"--keep {', '.join(absent)}: no such column; there are {', '.join(names)}")
    table = files.read(columns.names)
    if not len(next(iter(table.values()))):
        raise BadInput(f"{', '.join(rows)}: no row is there to predict")
    found, notes = surrogate.rows({name: table[name] for name in columns.names})
    predicted = surrogate.predict_rows(found).columns()
    names_kept = _kept_names(keep, predicted)
    given = _as_given(files, keep)
    kept = {name: given[column] for column, name in names_kept.items()}
    renamed = [
        f"--keep {column}: is the column {name}, since {column} is what is predicted"
        for column, name in names_kept.items()
        if name != column
    ]
    return {**kept, **predicted}, (*notes, *renamed)


def _kept_names(keep: Sequence[str], predicted: Mapping[str, Any]) -> dict[str, str]:
    """Return by column of the rows the name that it has beside what is predicted, each once."""
    found: dict[str, str] = {}
    for column in keep:
        name = column
        while name in predicted or name in {*keep} - {column}:
            name += "_given"
        found[column] = name
    return found


def _as_given(files: Files, keep: Sequence[str]) -> dict[str, np.ndarray]:
    """Return columns of the rows: numbers, but what would lose digits as numbers as it is written."""
    if not keep:
        return {}
    written = replace(files, texts=tuple(keep)).read(keep)
    codes = [name for name, values in written.items() if any(map(_is_code, values.tolist()))]
    found = replace(files, texts=tuple(codes)).read(keep)
    return {name: _plain(values) for name, values in found.items()}


def _is_code(value: object) -> bool:
    return isinstance(value, str) and _CODE.fullmatch(value) is not None


def _plain(values: np.ndarray) -> np.ndarray:
    """Return a column of whole numbers, such as one of ids, as whole numbers."""
    import numpy as np

    whole = values.dtype.kind == "f" and bool((np.floor(values) == values).all())
    return values.astype(np.int64) if whole and bool(np.isfinite(values).all()) else values


def model_folder(folder: Path) -> Path:
    """Return the folder of a model: itself, or the only one that an output holds."""
    description = "model.json"
    if (folder / description).is_file():
        return folder
    found = [name for name in NETWORKS if (folder / name / description).is_file()]
    if len(found) == 1:
        return folder / found[0]
    several = ", ".join(str(folder / name) for name in found)
    told = f"it holds several: {several}" if found else "it has no model.json"
    raise BadInput(f"{folder}: is not the folder of one model; {told}")


def _write_csv(columns: Mapping[str, Any], stream: TextIO) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))


def _file_bytes(columns: Mapping[str, Any], ending: str) -> bytes:
    if ending == ".csv":
        text = io.StringIO()
        _write_csv(columns, text)
        return text.getvalue().encode()
    from trainers.tabular.data.reading.extras import needed

    arrow, buffer = needed("pyarrow", "--output with .parquet"), io.BytesIO()
    needed("pyarrow.parquet", "--output with .parquet").write_table(arrow.table(dict(columns)), buffer)
    return buffer.getvalue()
