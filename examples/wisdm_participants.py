"""Write the WISDM activity data as participants for `python -m twophase personalization`.

    python examples/wisdm_participants.py WISDM_ar_v1.1_transformed.arff --output data/wisdm --jobs jobs.json

WISDM v1.1 (Kwapisz, Weiss and Moore, 2010) holds 43 features of each ten-second window of a
phone's accelerometer, from 36 people in six activities.  A window becomes 1 channel of 43 samples.

No statistic of the data goes into what is written, so that nothing leaks between people or from test to
training: features are divided by constants that suit their units (`SCALES`), and a missing value becomes 0;
only the time between peaks is ever missing, where there were none to be found.  Of each person and activity
the first 60 % of the windows in the file's order are for training, the next 20 % for validation, the last
20 % for the test; drawing them at random would put neighbours in time on both sides.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

SCALES = {"BIN": 0.1, "AVG": 10.0, "PEAK": 1000.0, "ABSOLDEV": 5.0, "STANDDEV": 5.0, "RESULTANT": 10.0}
"""What a feature is divided by: shares by an even bin's, m/s² by about gravity, milliseconds to seconds."""

MODES = ("full_fine_tuning", "target_only_fine_tuning", "target_only")


class BadFile(Exception):
    """The ARFF file is not what is expected; the message says where and what."""


@dataclass(frozen=True)
class Window:
    """One row of the file."""

    person: str
    activity: str
    features: list[float]
    """Scaled, 0 for a missing value."""


def read_windows(path: Path) -> list[Window]:
    """Return the rows of a WISDM ARFF file; BadFile names the line that is wrong."""
    names: list[str] = []
    windows: list[Window] = []
    in_data = False
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        text = line.strip()
        if text.lower().startswith("@attribute"):
            names.append(text.split()[1].strip('"{}'))
        elif text.lower() == "@data":
            in_data = True
        elif in_data and text and not text.startswith("%"):
            windows.append(_parse_row(f"{path}, line {number}", names, text))
    if not windows:
        raise BadFile(f"{path}: no rows after @data; an ARFF file is needed")
    return windows


def _parse_row(place: str, names: list[str], text: str) -> Window:
    values = text.split(",")
    if len(values) != len(names):
        raise BadFile(f"{place}: {len(values)} values for {len(names)} attributes")
    row = dict(zip(names, values, strict=True))
    try:
        person, activity = row.pop("user"), row.pop("class").strip('"')
    except KeyError as missing:
        raise BadFile(f"{place}: the file has no attribute {missing}") from missing
    row.pop("UNIQUE_ID", None)
    return Window(person, activity, [_scaled(place, name, value) for name, value in row.items()])


def _scaled(place: str, name: str, value: str) -> float:
    if value == "?":
        return 0.0
    kind = "BIN" if name[1:].isdigit() else name if name == "RESULTANT" else name[1:]
    if kind not in SCALES:
        raise BadFile(f"{place}: attribute {name} is not one of the WISDM features")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadFile(f"{place}: {name} is {value!r}; allowed are numbers and ?")
    return number / SCALES[kind]


def split(windows: list[Window]) -> dict[str, list[Window]]:
    """Return one person's windows as train, val and test: 60, 20 and 20 % of each activity, in order."""
    parts: dict[str, list[Window]] = {"train": [], "val": [], "test": []}
    by_activity = defaultdict(list)
    for window in windows:
        by_activity[window.activity].append(window)
    for same in by_activity.values():
        fifth = round(len(same) / 5)
        first = len(same) - 2 * fifth
        parts["train"] += same[:first]
        parts["val"] += same[first : first + fifth]
        parts["test"] += same[first + fifth :]
    return parts


def write_people(folder: Path, windows: list[Window], fewest: int) -> list[str]:
    """Write the files of all people with enough windows and return their names, most windows first."""
    folder.mkdir(parents=True, exist_ok=True)
    classes = {activity: index for index, activity in enumerate(sorted({w.activity for w in windows}))}
    by_person = defaultdict(list)
    for window in windows:
        by_person[window.person].append(window)
    written = []
    for person, own in sorted(by_person.items(), key=lambda item: (-len(item[1]), item[0])):
        parts = split(own)
        name = f"user{int(person):02d}" if person.isdigit() else person
        if len(own) < fewest or not all(parts.values()):
            print(f"{name}: skipped, {len(own)} windows are too few")
            continue
        for part, chosen in parts.items():
            torch.save(_tensors(chosen, classes), folder / f"{name}_{part}.pt")
        print(f"{name}: {', '.join(f'{len(chosen)} {part}' for part, chosen in parts.items())}")
        written.append(name)
    about = {"participants": written, "classes": list(classes)}
    (folder / "participants.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    return written


def _tensors(windows: list[Window], classes: dict[str, int]) -> tuple[torch.Tensor, torch.Tensor]:
    X = torch.tensor([window.features for window in windows], dtype=torch.float32)  # noqa: N806
    y = torch.tensor([classes[window.activity] for window in windows])
    return X[:, None, :], y


def jobs(data_path: str, people: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the experiments that leave out each person in turn, in every mode."""
    for mode in MODES:
        for fold in range(len(people)):
            yield {
                "fold": fold,
                "participants": people,
                "mode": mode,
                "model": "mlp",
                "batch_size": 64,
                "lr": 2e-3,
                "refit": True,
                "window_size": 43,
                "n_classes": 6,
                "epochs": 100,
                "early_stopping_patience": 15,
                "early_stopping_patience_target": 15,
                "data_path": data_path,
                "prefix": f"wisdm_{mode}",
            }


def main() -> int:
    """Read the flags, write the files and return the exit code."""
    parser = argparse.ArgumentParser(description="Write WISDM activity data as participants.")
    parser.add_argument("arff", type=Path, help="WISDM_ar_v1.1_transformed.arff")
    parser.add_argument("--output", type=Path, required=True, help="folder for the participants' files")
    parser.add_argument("--min-windows", type=int, default=30, help="people with fewer are skipped")
    parser.add_argument("--jobs", type=Path, help="jobs file to write: leave one person out, three modes")
    parser.add_argument(
        "--people", type=int, default=8, help="how many take part in the jobs: most windows first"
    )
    parser.add_argument("--data-path", help="folder of the files as the workers see it; default: --output")
    args = parser.parse_args()
    try:
        people = write_people(args.output, read_windows(args.arff), args.min_windows)
    except (BadFile, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{args.output}: {len(people)} people")
    if args.jobs:
        if not 2 <= args.people <= len(people):
            parser.error(f"--people is {args.people}; allowed are 2 to {len(people)}")
        found = list(jobs(args.data_path or str(args.output), people[: args.people]))
        args.jobs.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        print(f"{args.jobs}: {len(found)} experiments, {args.people} base models")
    return 0


if __name__ == "__main__":
    sys.exit(main())
