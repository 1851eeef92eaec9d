"""The picture of a search over batch compositions."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from matplotlib.axes import Axes

from examples import demo, plot_results
from master.intake.cluster import parse_cluster

PNG = b"\x89PNG\r\n\x1a\n"


def run_dir(root: Path, shares: list[float | None], success: bool = True) -> Path:
    """Write a run directory with an experiment for each share and two folds."""
    jobs: list[dict[str, Any]] = []
    for share in shares:
        for fold in (0, 1):
            job_id = f"share{share}/fold{fold}"
            config = {"fold": fold, "participants": ["anna", "bert"], "target_batch_pct": share}
            jobs.append({"job_id": job_id, "success": success, "config": config})
            result = root / "experiments" / job_id
            result.mkdir(parents=True)
            figures = {
                "best_target_model_target_test_f1": 0.5 + fold / 10,
                "best_base_model_target_test_f1": 0.1,
            }
            (result / "metrics.json").write_text(json.dumps(figures))
    (root / "phase2_experiments.json").write_text(json.dumps({"jobs": jobs}))
    return root


def test_the_picture_shows_each_experiment_that_has_a_share(tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    assert plot_results.plot(run_dir(tmp_path, [0.1, 0.5, None]), picture) == 4
    assert picture.read_bytes().startswith(PNG)


@pytest.mark.parametrize(("models", "lines"), [((), 0), (("forest",), 2)])
def test_the_picture_shows_what_there_is_of_baselines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models: tuple[str, ...], lines: int
) -> None:
    root = run_dir(tmp_path, [0.1])
    for path in root.rglob("metrics.json"):
        more = {
            f"baseline_{model}_target_test_{name}": 0.9 for model in models for name in ("f1", "accuracy")
        }
        path.write_text(json.dumps({**json.loads(path.read_text()), **more}))
    drawn: list[str] = []
    straight = Axes.axhline
    monkeypatch.setattr(
        Axes, "axhline", lambda *a, **k: (drawn.append(k.get("label", "")), straight(*a, **k))[1]
    )
    plot_results.plot(root, tmp_path / "picture.png")
    assert drawn.count("forest, mean") == lines


def test_points_hold_target_share_and_scores(tmp_path: Path) -> None:
    _, second = plot_results.read_points(run_dir(tmp_path, [0.25]))
    assert (second.fold, second.target, second.share) == (1, "bert", 0.25)
    assert (second.score("target", "f1"), second.score("target", "accuracy")) == (0.6, None)


def test_nothing_to_draw_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot read the results of a run there"):
        plot_results.plot(tmp_path, tmp_path / "picture.png")
    with pytest.raises(ValueError, match="no experiment with `target_batch_pct` has succeeded"):
        plot_results.plot(run_dir(tmp_path, [0.1], success=False), tmp_path / "picture.png")
    assert not (tmp_path / "picture.png").exists()


def test_the_command_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["plot_results", str(tmp_path / "none")])
    assert plot_results.main() == 1
    assert "cannot read the results" in capsys.readouterr().err


def test_the_demonstrations_cluster_config_is_one(tmp_path: Path) -> None:
    cluster = parse_cluster(json.dumps(demo.cluster_config(tmp_path)))
    (server,) = cluster.servers
    assert server.is_local and server.agent.cpu_slots == demo.SLOTS and server.python == sys.executable
    assert [(data.name, data.path) for data in server.data] == [("data", str(tmp_path / "data"))]
