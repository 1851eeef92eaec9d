"""Draw what a search over batch compositions found: scores on the target by the target's share of a batch.

    python examples/plot_results.py RUN_DIR

reads `phase2_experiments.json` and the experiments' `metrics.json` in a run directory and writes
`batch_composition.png` there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

PICTURE = "batch_composition.png"
TITLE = "Scores on the target by batch composition"
SCORES = {"f1": "F1 (macro)", "accuracy": "accuracy"}

BASELINES = {"--": "forest", "-.": "logistic_regression"}
"""By the style of their lines."""


@dataclass(frozen=True)
class Point:
    """One experiment."""

    fold: int
    target: str
    share: float
    """The target's share of a batch, 0 to 1."""
    metrics: dict[str, Any]

    def score(self, model: str, name: str) -> float | None:
        """Return a score of the `base` or `target` model on the target's test split."""
        return self._number(f"best_{model}_model_target_test_{name}")

    def baseline(self, model: str, name: str) -> float | None:
        """Return a score of a baseline on the target's test split, where `--baseline` asked for it."""
        return self._number(f"baseline_{model}_target_test_{name}")

    def _number(self, key: str) -> float | None:
        value = self.metrics.get(key)
        return float(value) if isinstance(value, (int, float)) else None


def read_points(run_dir: Path) -> list[Point]:
    """Return the experiments that succeeded and have a share.

    Raises OSError, ValueError, KeyError, IndexError, TypeError.
    """
    log = json.loads((run_dir / "phase2_experiments.json").read_text(encoding="utf-8"))
    done = [
        job for job in log["jobs"] if job["success"] and job["config"].get("target_batch_pct") is not None
    ]
    return [_point(job, run_dir) for job in done]


def _point(job: dict[str, Any], run_dir: Path) -> Point:
    config = job["config"]
    fold = config["fold"]
    path = run_dir / "experiments" / job["job_id"] / "metrics.json"
    metrics = json.loads(path.read_text(encoding="utf-8"))
    return Point(fold, config["participants"][fold], config["target_batch_pct"], metrics)


def draw(points: Sequence[Point], picture: Path, title: str) -> None:
    """Write the picture: a panel a score, in it a line a target, their mean, and the base models."""
    figure, panels = plt.subplots(1, len(SCORES), figsize=(11, 4.5), sharex=True, layout="constrained")
    for axes, (name, label) in zip(panels, SCORES.items(), strict=True):
        _panel(axes, points, name)
        axes.set(xlabel="share of the target in a batch", ylabel=f"{label} on the target's test split")
        axes.grid(alpha=0.3)
    panels[0].legend(fontsize="small")
    figure.suptitle(title)
    figure.savefig(picture, dpi=130)
    plt.close(figure)


def _panel(axes: Axes, points: Sequence[Point], name: str) -> None:
    by_fold: dict[tuple[int, str], list[Point]] = defaultdict(list)
    for point in points:
        by_fold[point.fold, point.target].append(point)
    for number, ((fold, target), own) in enumerate(sorted(by_fold.items())):
        colour = f"C{number}"
        shares, scores = _curve(own, "target", name)
        axes.plot(shares, scores, "o-", color=colour, alpha=0.6, label=f"fold {fold} ({target})")
        base = [score for point in own if (score := point.score("base", name)) is not None]
        if base:
            axes.axhline(fmean(base), color=colour, linestyle=":")
    axes.plot(*_curve(points, "target", name), "k-", linewidth=2.5, label="mean")
    for style, model in BASELINES.items():
        scores = [score for point in points if (score := point.baseline(model, name)) is not None]
        if scores:
            axes.axhline(fmean(scores), color="k", linestyle=style, label=f"{model.replace('_', ' ')}, mean")
    axes.plot([], [], color="grey", linestyle=":", label="base model as it came")


def _curve(points: Sequence[Point], model: str, name: str) -> tuple[list[float], list[float]]:
    """Return the shares and the mean score at each."""
    by_share: dict[float, list[float]] = defaultdict(list)
    for point in points:
        score = point.score(model, name)
        if score is not None:
            by_share[point.share].append(score)
    shares = sorted(by_share)
    return shares, [fmean(by_share[share]) for share in shares]


def plot(run_dir: Path, picture: Path, title: str = TITLE) -> int:
    """Draw the picture of a run directory and return how many experiments it shows.

    Raises ValueError, with a message for the user, where there is nothing to draw.
    """
    try:
        points = read_points(run_dir)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise ValueError(f"{run_dir}: cannot read the results of a run there ({error!r})") from error
    if not points:
        raise ValueError(f"{run_dir}: no experiment with `target_batch_pct` has succeeded there")
    draw(points, picture, title)
    return len(points)


def main() -> int:
    """Read the flags and draw."""
    parser = argparse.ArgumentParser(description="Draw the scores of a search over batch compositions.")
    parser.add_argument("run_dir", type=Path, help="the --run-dir of run_two_phase")
    parser.add_argument("--output", type=Path, help=f"the PNG to write (RUN_DIR/{PICTURE})")
    args = parser.parse_args()
    picture = args.output or args.run_dir / PICTURE
    try:
        shown = plot(args.run_dir, picture)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{picture}: {shown} experiments")
    return 0


if __name__ == "__main__":
    sys.exit(main())
