"""Whether a generation in the middle helps: everybody, a group of those most like a person, the person.

Each arm is the whole command `run_two_phase` with two workers on this machine, all in one run directory, so
that what two arms have in common is trained once:

- everybody: the person's model starts from the base model of all others;
- group alone: it starts from a base model of the group, which started from nothing;
- lineage: it starts from a base model of the group, which started from that of all others.

The group is the people whose training windows lie nearest to the person's own in the mean; no test window
and no label has a say.  People are compared with themselves: a figure is the mean over seeds of one person's
accuracy on their test windows, and intervals are Student's 95 % over the people.

    python -m benchmarks.lineages --quick
    python -m benchmarks.lineages --wisdm WISDM_ar_v1.1_transformed.arff --json
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from examples import digits_participants, wisdm_participants
from master.core.results.statistics import Summary, summary

ROOT = Path(__file__).resolve().parents[1]
SHARES = (1.0, 0.2)
"""Of a person's own training windows."""
OF_ALL = ["participants", "fold", "model", "batch_size", "lr", "window_size", "n_classes", "epochs"]
OF_ALL += ["early_stopping_patience", "data_path", "seed"]
GROUP = "n_base_participants"
ARMS: dict[str, list[dict[str, Any]]] = {
    "everybody": [{"name": "everybody", "fields": OF_ALL}],
    "group alone": [{"name": "group", "fields": [*OF_ALL, GROUP]}],
    "lineage": [
        {"name": "everybody", "fields": OF_ALL},
        {"name": "group", "from": "everybody", "fields": [GROUP]},
    ],
}
METRIC = "best_{}_model_target_test_accuracy"
Row = tuple[str, float]
"""A person, and the share of their training windows."""


@dataclass(frozen=True)
class People:
    """A data set of people, and how their networks are trained."""

    name: str
    folder: Path
    names: list[str]
    targets: list[str]
    """Those who are fitted to."""
    flags: dict[str, Any]


@dataclass(frozen=True)
class Figures:
    """What the arms reached on one data set with one share of the people's own windows."""

    people: str
    share: float
    fitted: dict[str, Summary | None]
    """By arm, the accuracy of what is fitted to the person."""
    as_it_is: dict[str, Summary | None]
    """Likewise of the base model that this starts from."""
    lineage_less: dict[str, Summary | None]
    """The lineage's accuracy less that of another arm, person by person."""


def digits(folder: Path, count: int, targets: int) -> People:
    """Return made-up people, each with digits turned by an angle of their own."""
    with contextlib.redirect_stdout(io.StringIO()):
        digits_participants.write(folder, count)
    names = digits_participants.participant_names(count)
    flags = {"window_size": 8, "n_classes": 10, "epochs": 30, "early_stopping_patience": 15}
    return People("digits", folder, names, names[:: max(1, count // targets)][:targets], flags)


def wisdm(folder: Path, arff: Path, targets: int) -> People:
    """Return all people of WISDM; those with most windows are fitted to."""
    with contextlib.redirect_stdout(io.StringIO()):
        names = wisdm_participants.write_people(folder, wisdm_participants.read_windows(arff), 30)
    flags = {"window_size": 43, "n_classes": 6, "epochs": 100, "early_stopping_patience": 15}
    return People("WISDM", folder, names, names[:targets], flags)


def by_nearness(people: People, target: str) -> list[str]:
    """Return the other people, the most like the target first, by the means of their training windows."""
    means = {}
    for name in people.names:
        windows, _ = torch.load(people.folder / f"{name}_train.pt", weights_only=True)
        means[name] = windows.flatten(1).mean(0)
    spread = torch.stack([*means.values()]).std(0).clamp(min=1e-6)
    others = [name for name in people.names if name != target]
    return sorted(others, key=lambda name: float(((means[name] - means[target]) / spread).norm()))


def jobs_of(people: People, group: int, seeds: int) -> list[dict[str, Any]]:
    """Return an experiment for each target, seed and share of the target's windows."""
    common = {"model": "mlp", "batch_size": 64, "lr": 2e-3, "no_plots": True, "device": "cpu", **people.flags}
    common |= {"mode": "target_only_fine_tuning", "early_stopping_patience_target": 15, GROUP: group}
    return [
        {
            **common,
            "participants": [*by_nearness(people, target), target],
            "fold": len(people.names) - 1,
            "data_path": str(people.folder),
            "seed": seed,
            "target_data_pct": share,
        }
        for target in people.targets
        for seed in range(seeds)
        for share in SHARES
    ]


def run(root: Path, arm: str, jobs: list[dict[str, Any]], *flags: str) -> dict[str, Any]:
    """Run an arm's jobs, or plan them, and return what the command tells."""
    left_out = () if any(GROUP in stage["fields"] for stage in ARMS[arm]) else (GROUP,)
    told = [{name: value for name, value in job.items() if name not in left_out} for job in jobs]
    told = [{**job, "prefix": arm.replace(" ", "_")} for job in told]
    (root / f"{arm}.json").write_text(json.dumps({"stages": ARMS[arm], "jobs": told}))
    argv = [
        *(sys.executable, "-m", "master.commands.run_two_phase", "--trainer", "personalization", "--json"),
        *("--cluster-config", str(root / "cluster.json"), "--jobs-config", str(root / f"{arm}.json")),
        *("--run-dir", str(root / "run"), *flags),
    ]
    environ = {**os.environ, "TWOPHASE_SLOT_DIR": str(root / "slots")}
    found = subprocess.run(argv, cwd=ROOT, env=environ, check=True, stdout=subprocess.PIPE)
    report: dict[str, Any] = json.loads(found.stdout)
    return report


def workers(root: Path) -> dict[str, Any]:
    """Return a cluster of two workers, both on this machine."""
    common = {"host": "localhost", "gpus": 0, "cpu_slots": 2, "python": sys.executable}
    servers = [{**common, "port": at, "state_dir": str(root / f"worker{at}")} for at in (1, 2)]
    return {"servers": servers, "env": {"OMP_NUM_THREADS": "1"}}


def accuracies(root: Path, arm: str, model: str) -> dict[Row, list[float]]:
    """Return the accuracies over seeds of each person; `model`: `target`, or the `base` as it is."""
    found: dict[Row, list[float]] = defaultdict(list)
    for path in sorted((root / "run" / "experiments" / arm.replace(" ", "_")).glob("*/metrics.json")):
        job = json.loads(path.with_name("hyperparameters.json").read_text())
        figures = json.loads(path.read_text())
        found[job["target"], job["target_data_pct"]].append(figures[METRIC.format(model)])
    return dict(found)


def figures_of(people: People, root: Path) -> list[Figures]:
    """Return what the arms reached, by share of the people's own windows."""
    means = {
        (arm, model): {row: sum(own) / len(own) for row, own in accuracies(root, arm, model).items()}
        for arm in ARMS
        for model in ("target", "base")
    }

    def over_people(arm: str, model: str, share: float, less: str | None = None) -> Summary | None:
        own, other = means[arm, model], means[less, model] if less else {}
        return summary([own[row] - other.get(row, 0.0) for row in own if row[1] == share])

    return [
        Figures(
            people.name,
            share,
            {arm: over_people(arm, "target", share) for arm in ARMS},
            {arm: over_people(arm, "base", share) for arm in ARMS},
            {arm: over_people("lineage", "target", share, arm) for arm in ARMS if arm != "lineage"},
        )
        for share in SHARES
    ]


def measure(people: People, group: int, seeds: int, root: Path) -> dict[str, Any]:
    """Run all arms; return figures, and how many trainings the lineage took and saved."""
    root.mkdir(parents=True)
    (root / "cluster.json").write_text(json.dumps(workers(root)))
    jobs = jobs_of(people, group, seeds)
    plan = run(root, "lineage", jobs, "--dry-run")
    for arm in ARMS:
        report = run(root, arm, jobs)
        print(f"{people.name}, {arm}: {len(report['jobs'])} experiments", file=sys.stderr, flush=True)
    trained = {"experiments": len(jobs), "base_models": len(plan["base_models"]["to_train"])}
    trained["saved"] = plan["trainings_saved"]
    return {
        "people": people.name,
        "group": group,
        "seeds": seeds,
        **trained,
        "figures": figures_of(people, root),
    }


def ratios(measured: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return the lineage's accuracy over that of each other arm."""
    found = {}
    for row in (row for one in measured for row in one["figures"]):
        own = row.fitted["lineage"]
        for arm, other in row.fitted.items():
            if own and other and arm != "lineage":
                name = f"{row.people}, {row.share:.0%} of the own windows: lineage over {arm}"
                found[name] = round(own.mean / other.mean, 4)
    return found


def told(found: Summary | None) -> str:
    """Return a mean with its interval, in per cent."""
    if found is None:
        return "-"
    width = "" if found.half_width is None else f" ± {100 * found.half_width:.1f}"
    return f"{100 * found.mean:.1f}{width}"


def print_tables(measured: Sequence[dict[str, Any]]) -> None:
    """Print a table of each data set."""
    for one in measured:
        numbers = "{experiments} experiments, {base_models} base models, {saved} trainings saved".format(
            **one
        )
        print(
            f"\n{one['people']}, groups of {one['group']}, {one['seeds']} seeds: {numbers} by the lineage\n"
        )
        print(f"| own windows | | {' | '.join(ARMS)} | lineage − everybody | lineage − group alone |")
        print(f"| --- {'| --- ' * (len(ARMS) + 3)}|")
        for row in one["figures"]:
            less = " | ".join(map(told, row.lineage_less.values()))
            print(f"| {row.share:.0%} | fitted | {' | '.join(map(told, row.fitted.values()))} | {less} |")
            print(f"| | base model | {' | '.join(map(told, row.as_it_is.values()))} | | |")


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="digits, three people, one seed")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--group", type=int, default=5, help="people of a group")
    parser.add_argument("--targets", type=int, default=12, help="people who are fitted to")
    parser.add_argument("--wisdm", type=Path, metavar="FILE", help="WISDM_ar_v1.1_transformed.arff")
    options = parser.parse_args()
    targets, seeds = (3, 1) if options.quick else (options.targets, options.seeds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = [digits(folder / "digits", 12, targets)]
        if options.wisdm:
            data.append(wisdm(folder / "wisdm", options.wisdm, targets))
        measured = [measure(people, options.group, seeds, folder / f"{people.name}-runs") for people in data]
    if options.json:
        facts = {"cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}
        found = {**facts, "measured": measured, "ratios": ratios(measured)}
        print(json.dumps(found, indent=2, default=asdict))
    else:
        print_tables(measured)
    return 0


if __name__ == "__main__":
    sys.exit(main())
