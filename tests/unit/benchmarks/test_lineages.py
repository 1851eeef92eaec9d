"""The benchmark of a generation in the middle: who is in the group, what arms are told, and figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks import lineages
from benchmarks.lineages import ARMS, GROUP, OF_ALL, SHARES, People


def people(folder: Path) -> People:
    names = ["ann", "bob", "cyd", "dan"]
    for level, name in zip((0.0, 5.0, 1.0, 3.0), names, strict=True):
        torch.save((torch.full((4, 1, 3), level), torch.zeros(4)), folder / f"{name}_train.pt")
    return People("made-up", folder, names, ["ann", "bob"], {"window_size": 3})


def test_the_group_are_those_who_are_most_like_the_target(tmp_path: Path) -> None:
    found = people(tmp_path)
    assert lineages.by_nearness(found, "ann") == ["cyd", "dan", "bob"]
    assert lineages.by_nearness(found, "bob") == ["dan", "cyd", "ann"]


def test_the_target_is_left_out_and_every_arm_is_told_the_same(tmp_path: Path) -> None:
    jobs = lineages.jobs_of(people(tmp_path), 2, seeds=3)
    assert len(jobs) == 2 * 3 * len(SHARES)
    assert {job["participants"][job["fold"]] for job in jobs} == {"ann", "bob"}
    assert {"model", "seed", "data_path", GROUP} <= jobs[0].keys()
    assert [stage["fields"] for stage in ARMS["lineage"]] == [OF_ALL, [GROUP]]
    assert ARMS["everybody"][0]["fields"] == ARMS["lineage"][0]["fields"]


def test_differences_are_taken_person_by_person(tmp_path: Path) -> None:
    for arm, accuracy in (("everybody", 0.5), ("group_alone", 0.6), ("lineage", 0.7)):
        for number, (target, more) in enumerate((("ann", 0.0), ("bob", 0.2))):
            for seed in (0, 1):
                folder = tmp_path / "run/experiments" / arm / f"job{number}{seed}"
                folder.mkdir(parents=True)
                (folder / "hyperparameters.json").write_text(
                    json.dumps({"target": target, "target_data_pct": 1.0})
                )
                figures = {
                    f"best_{m}_model_target_test_accuracy": accuracy + more for m in ("base", "target")
                }
                (folder / "metrics.json").write_text(json.dumps(figures))
    whole, fifth = lineages.figures_of(people(tmp_path), tmp_path)
    over_everybody = whole.lineage_less["everybody"]
    assert over_everybody and over_everybody.mean == pytest.approx(0.2) and over_everybody.count == 2
    assert over_everybody.half_width == pytest.approx(0.0, abs=1e-9)
    assert whole.fitted["lineage"] and whole.fitted["lineage"].mean == pytest.approx(0.8)
    assert fifth.fitted == dict.fromkeys(ARMS) and lineages.told(fifth.fitted["lineage"]) == "-"
    assert lineages.ratios([{"figures": [whole, fifth]}]) == {
        "made-up, 100% of the own windows: lineage over everybody": pytest.approx(0.8 / 0.6, abs=1e-3),
        "made-up, 100% of the own windows: lineage over group alone": pytest.approx(0.8 / 0.7, abs=1e-3),
    }
