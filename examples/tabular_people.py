"""Write a table of people, divided within each person, and the jobs that leave out each of them in turn.

    python examples/tabular_people.py parkinsons.csv --person 'subject#' --target total_UPDRS
    python examples/tabular_people.py WISDM_ar_v1.1_transformed.arff --person user --target class
    run_two_phase --trainer tabular --jobs-config jobs.json

For each person one base model is trained on all others, then it is fitted to the person's own training rows
with each of --tune-learning-rates (1e-12 leaves it as it is); beside them a model is trained on these rows
alone (`mode` scratch), and trees likewise.  All are scored on the same test rows of the person.

Of each person, and of each class where the target has classes, the first 60 % of the rows in the file's
order are for training, the next 20 % for validation, the last 20 % for the test; drawing them at random would
put neighbours in time on both sides.  People with fewer than --fewest rows are left out, and named.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, str]
PART = "part"
_MOST_CLASSES = 20


class BadFile(Exception):
    """The file is not what is expected; the message says where and what."""


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a CSV or ARFF file, with a name for each value.  Raises BadFile."""
    text = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if path.suffix.lower() != ".arff":
        rows = list(csv.DictReader(text))
    else:
        start = next((at for at, line in enumerate(text) if line.strip().lower() == "@data"), len(text))
        attributes = (line.split() for line in text[:start] if line.lower().startswith("@attribute"))
        names = [words[1].strip("\"'{}") for words in attributes]
        values = (line.split(",") for line in text[start + 1 :] if line.strip())
        rows = [dict(zip(names, (one.strip('"') for one in row), strict=True)) for row in values]
    if not rows:
        raise BadFile(f"{path}: holds no rows")
    return rows


def divided(rows: Sequence[Row], person: str, target: str, fewest: int) -> tuple[list[Row], list[str]]:
    """Return the rows with the part that each is for, and the people, most rows first."""
    has_classes = len({row[target] for row in rows}) <= _MOST_CLASSES
    by_person: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_person[row[person]].append(row)
    kept: list[Row] = []
    people = []
    for name, own in sorted(by_person.items(), key=lambda item: (-len(item[1]), item[0])):
        if len(own) < fewest:
            print(f"{name}: left out, {len(own)} rows are too few")
            continue
        people.append(name)
        by_class: dict[str, list[Row]] = defaultdict(list)
        for row in own:
            by_class[row[target] if has_classes else ""].append(row)
        for same in by_class.values():
            kept += _with_parts(same)
    return kept, people


def _with_parts(rows: Sequence[Row]) -> Iterable[Row]:
    fifth = round(len(rows) / 5)
    first = len(rows) - 2 * fifth
    for place, row in enumerate(rows):
        part = "train" if place < first else "val" if place < first + fifth else "test"
        yield {**row, PART: part}


def jobs(people: Sequence[str], fields: dict[str, Any], rates: Sequence[float]) -> dict[str, Any]:
    """Return a file of jobs: of each person those from a base model, and those that start from none."""
    alone = [
        {"target_group": name, "mode": "scratch", "models": one}
        for name in people
        for one in ("mlp", "trees")
    ]
    tuned = ({"tune_learning_rate": rate} for rate in rates)
    from_base = [{"target_group": name, "models": "mlp", **one} for one in tuned for name in people]
    return {"base_model": True, "defaults": fields, "jobs": [*from_base, *alone]}


def main(argv: Sequence[str] | None = None) -> int:
    """Write the table and the jobs, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--person", required=True, help="column that tells people apart")
    parser.add_argument("--target", required=True, help="column to predict")
    parser.add_argument("--drop", nargs="+", default=[], help="columns that are no features")
    parser.add_argument("--fewest", type=int, default=30, help="rows of a person")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--tune-learning-rates", nargs="+", type=float, default=[1e-12, 1e-4, 1e-3])
    parser.add_argument("--output", type=Path, default=Path("data/people.csv"))
    parser.add_argument("--jobs", type=Path, default=Path("jobs.json"))
    flags = parser.parse_args(argv)
    try:
        rows, people = divided(read_rows(flags.file), flags.person, flags.target, flags.fewest)
    except (OSError, BadFile, KeyError) as error:
        print(f"{flags.file}: {error}", file=sys.stderr)
        return 2
    flags.output.parent.mkdir(parents=True, exist_ok=True)
    with flags.output.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    fields = {
        "data": str(flags.output),
        "targets": flags.target,
        "group": flags.person,
        "exclude": flags.drop,
        "split": "given",
        "split_column": PART,
        "constant": "drop",
        "epochs": flags.epochs,
        "early_stopping": True,
        "patience": 15,
        "learning_rates": 1e-3,
        "sizes": "mlp.hidden=128",
        "plots": False,
    }
    flags.jobs.write_text(json.dumps(jobs(people, fields, flags.tune_learning_rates), indent=2) + "\n")
    print(f"{flags.output}: {len(rows)} rows of {len(people)} people; {flags.jobs}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
