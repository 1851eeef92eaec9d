"""The batch-composition search as its generator writes it: which base models, ids and flags come of it."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

from master.code.snapshot import Program
from master.core.planning.analysis import analyze
from master.core.planning.plan import Job
from master.core.running.records import JobRecord
from master.intake.jobs import parse_jobs
from master.runs.launching import launch_message
from master.runs.spec import Start
from master.specs import JobsSpec

PROGRAM = Program(("{python}", "oct1_train.py"), Path("/code"), "c" * 64)
PEOPLE = ["anna", "bert", "carl"]
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
USUAL = {
    **{"model": "medium", "batch_size": 64, "lr": 3e-4, "window_size": 3000, "use_augmentation": False},
    **{"jitter_std": 0.005, "magnitude_range": [0.98, 1.02], "aug_prob": 0.3, "n_base_participants": "all"},
    **{"early_stopping_patience": 40, "early_stopping_patience_target": 40, "target_data_pct": 1.0},
    **{"data_path": "data/001_60s_window", "device": 0},
}


def search(**more: Any) -> JobsSpec:
    listed = [
        {
            **{"fold": fold, "participants": PEOPLE, "mode": "full_fine_tuning", **USUAL},
            **{"target_batch_pct": share, "prefix": f"batch_comp_{round(100 * share)}", **more},
        }
        for share, fold in product(SHARES, range(len(PEOPLE)))
    ]
    return parse_jobs(json.dumps(listed), code="script:1")


def words(jobs: JobsSpec, number: int) -> list[str]:
    job = jobs.jobs[number]
    start = Start(JobRecord(Job(job.job_id, phase=2)), 1)
    return launch_message(start, job.config, PROGRAM).argv


def test_fifteen_experiments_start_from_three_base_models() -> None:
    found = analyze(search(), {})
    assert (found.jobs, len(found.base_models), found.trainings_saved) == (15, 3, 12)


def test_a_device_that_is_a_number_stays_one() -> None:
    told = words(search(), 4)
    assert told[told.index("--device") + 1] == "0"
    told = words(search(device="cuda"), 4)
    assert told[told.index("--device") + 1] == "{device}"


def test_the_script_gets_the_fields_as_its_flags() -> None:
    told = words(search(), 0)
    assert told[:3] == ["{python}", "oct1_train.py", "--fold"]
    assert " ".join(told[4:]).startswith("--participants anna bert carl --mode full_fine_tuning")
    assert " ".join(told).endswith("--target_batch_pct 0.1 --prefix batch_comp_10")


def test_seeds_of_fine_tuning_share_base_models() -> None:
    jobs = search().jobs
    listed = [{**job.config, "seed_finetune": seed} for job in jobs for seed in range(3)]
    found = analyze(parse_jobs(json.dumps(listed), code="script:1"), {})
    assert (found.jobs, len(found.base_models)) == (45, 3)
    listed = [{**job.config, "seed": seed} for job in jobs for seed in range(3)]
    assert len(analyze(parse_jobs(json.dumps(listed), code="script:1"), {}).base_models) == 9
