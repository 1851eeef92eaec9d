"""A lineage of digits' made-up participants: everybody else, a group of them, one; and what comes of it."""

from __future__ import annotations

import json
from typing import Any

from examples import batch_composition
from tests.support.runs import Run


def generations() -> dict[str, Any]:
    """Return jobs for two participants, from groups of two sizes: 8 experiments, 4 groups, 2 of all."""
    fields = {
        "participants": batch_composition.PARTICIPANTS,
        "model": "mlp",
        "window_size": 8,
        "n_classes": 10,
        "epochs": 2,
        "data_path": "data/digits",
    }
    how = {"mode": "target_only_fine_tuning", "no_plots": True}
    return {
        "defaults": {**fields, **how},
        "grid": {"fold": [0, 1], "n_base_participants": [2, 3], "seed_finetune": [1, 2]},
        "stages": [
            {"name": "everybody", "fields": [*fields, "fold"]},
            {"name": "group", "from": "everybody", "fields": ["n_base_participants"]},
        ],
    }


def check_generations(run: Run, report: dict[str, Any]) -> None:
    """Assert that each base model was trained once, from its parent, and how many trainings that saved."""
    states = [base["state"] for base in report["base_models"]]
    assert (states, report["trainings_saved"]) == (["succeeded"] * 6, 8 + 8 - 6)
    assert [job["state"] for job in report["jobs"]] == ["succeeded"] * 8
    manifests = [
        json.loads((path.parent / "manifest.json").read_text())
        for path in run.layout.base_models.glob("*/base_config.json")
        if not path.parent.is_symlink()
    ]
    known = {one["spec_hash"]: one for one in manifests}
    children = [one for one in manifests if one["parent"]]
    assert (len(manifests), len(children)) == (6, 4)
    assert {known[one["parent"]]["parent"] for one in children} == {None}
    assert len({one["parent"] for one in children}) == 2
    for one in manifests:
        config = json.loads((run.layout.base_model(one["spec_hash"]) / "base_config.json").read_text())
        assert len(config["participants"]) in ((2, 3) if one["parent"] else (5,))
        assert ("parent_participants" in config) == bool(one["parent"])
