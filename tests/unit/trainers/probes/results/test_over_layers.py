"""All layers of a folder side by side."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainers.common.errors import BadInput
from trainers.common.files import write_json
from trainers.probes.results.over_layers import check_others, config_of, folder_over, write_over_layers
from trainers.probes.settings import Settings

CONFIG = {"batch_size": 512, "num_workers": 8}


def layer(root: Path, number: str, seconds: float, **aucs: float) -> None:
    per_action = [{"action": name, "auc_roc": auc, "f1": auc / 2} for name, auc in aucs.items()]
    average = sum(aucs.values()) / len(aucs) if aucs else None
    aggregate = {
        **{"average_auc_roc": average, "average_f1": 0.5, "average_accuracy": 0.75},
        **{"total_training_time_seconds": seconds, "num_workers": 8, "per_action_metrics": per_action},
    }
    write_json(root / f"layer_{number}" / "aggregate_metrics.json", aggregate)


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def best_layer_as_readers_find_it(root: Path, action: str) -> tuple[int, float, float]:
    for one in read(root / "per_action_layer_analysis.json")["per_action_best_layers"]:
        if one["action"] == action:
            return one["best_layer"], one["best_auc"], one["best_f1"]
    raise ValueError(action)


def test_the_best_layer_of_each_action_is_where_readers_look_for_it(tmp_path: Path) -> None:
    layer(tmp_path, "4", 60, plan=0.75, say=0.5)
    layer(tmp_path, "27", 120, plan=0.5, say=1.0, ask=0.25)
    (tmp_path / "layer_x").mkdir()
    layer(tmp_path, "deep", 1, plan=1.0)
    assert write_over_layers(tmp_path, CONFIG)
    assert best_layer_as_readers_find_it(tmp_path, "plan") == (4, 0.75, 0.375)
    assert best_layer_as_readers_find_it(tmp_path, "say") == (27, 1.0, 0.5)
    found = read(tmp_path / "per_action_layer_analysis.json")
    assert found["summary"] == {
        **{"total_actions": 3, "total_layers_tested": 2, "most_common_best_layer": 27},
        "layer_distribution": {"4": 1, "27": 2},
    }
    assert found["per_action_best_layers"][1]["layer_sensitivity"] == 0.25
    assert found["action_layer_performance"]["plan"]["27"] == {"auc": 0.5, "f1": 0.25}


def test_the_summary_tells_how_the_layers_went(tmp_path: Path) -> None:
    layer(tmp_path, "4", 60, plan=0.75, say=0.5)
    layer(tmp_path, "27", 120, plan=0.5, say=1.0)
    layer(tmp_path, "5", 0)
    write_over_layers(tmp_path, CONFIG)
    found = read(tmp_path / "training_summary.json")
    assert (found["total_layers"], found["total_probes"], found["num_workers"]) == (2, 4, 8)
    assert found["total_time_hours"] == 0.05 and found["config"] == CONFIG
    assert found["statistics"] == {
        **{"avg_auc": 0.6875, "best_auc": 0.75, "worst_auc": 0.625, "best_layer": 27},
    }
    assert [one["layer"] for one in found["layer_results"]] == [4, 5, 27]
    assert [one["success"] for one in found["layer_results"]] == [True, False, True]


def test_one_layer_belongs_to_those_that_are_there(tmp_path: Path) -> None:
    one = tmp_path / "layer_4"
    assert folder_over([one]) is None
    assert folder_over([one, tmp_path / "layer_5"]) == tmp_path
    (tmp_path / "training_summary.json").touch()
    assert folder_over([one]) == tmp_path


def test_the_config_is_that_of_the_command() -> None:
    config = config_of(Settings(lrs=(0.1, 0.2), epochs=3), 4, pin=False)
    assert (config["learning_rate"], config["weight_decay"], config["epochs"]) == ([0.1, 0.2], 0.001, 3)
    assert (config["num_workers"], config["pin_activations_to_gpu"], config["use_scheduler"]) == (
        4,
        False,
        True,
    )


def test_without_layers_nothing_is_written(tmp_path: Path) -> None:
    assert not write_over_layers(tmp_path, CONFIG)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "alter",
    [
        lambda found: found.pop("per_action_metrics"),
        lambda found: found.update(per_action_metrics={"plan": 1}),
        lambda found: found["per_action_metrics"].append(3),
        lambda found: found["per_action_metrics"][0].update(auc_roc="0.5"),
        lambda found: found["per_action_metrics"][0].update(auc_roc=None),
        lambda found: found["per_action_metrics"][0].update(action=["plan"]),
        lambda found: found.update(average_auc_roc=[0.5]),
        lambda found: found.update(num_workers=True),
        lambda found: found.update(total_training_time_seconds="long"),
    ],
)
def test_what_an_earlier_command_tells_of_a_layer_is_read_or_refused_before_any_is_trained(
    tmp_path: Path, alter: Callable[[dict[str, Any]], object]
) -> None:
    layer(tmp_path, "4", 60, plan=0.75)
    layer(tmp_path, "27", 60, plan=0.5)
    path = tmp_path / "layer_4" / "aggregate_metrics.json"
    found = read(path)
    alter(found)
    write_json(path, found)
    for ask in (lambda: check_others(tmp_path, []), lambda: write_over_layers(tmp_path, CONFIG)):
        with pytest.raises(BadInput, match=r"layer_4/aggregate_metrics\.json: not what is told of a layer"):
            ask()
    check_others(tmp_path, [tmp_path / "layer_4"])


def test_a_layer_s_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    layer(tmp_path, "4", 60, plan=0.75)
    (tmp_path / "layer_4" / "aggregate_metrics.json").write_text("{")
    with pytest.raises(BadInput, match="missing or not JSON"):
        check_others(tmp_path, [])
