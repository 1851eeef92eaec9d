"""What became of a run, as a table and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from master.storage.run_layout import RunLayout
from master.view.result_table import collected_metrics, print_result, result_json
from tests.support.scripted_run import ScriptedRun, jobs_spec
from tests.unit.master.view.conftest import line_with, paper, written


def write_metrics(layout: RunLayout, job_id: str, metrics: Any) -> None:
    folder = layout.result(job_id)
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(metrics))


def ended_run() -> ScriptedRun:
    """Base model 0 fails, 1 was in the store; of its experiments job1 succeeds and job3 fails."""
    run = ScriptedRun(jobs_spec(4, 2), ["lab1"], in_store={"1" * 64: "content of 1"})
    run.up("lab1", 4)
    run.fail("0", "exit code 1", seconds=65, stderr_tail="Traceback\nFileNotFoundError: \x1b[2Jp2_train.pt\n")
    run.succeed("job1", seconds=12, slot="gpu2")
    run.fail("job3", "out of memory", seconds=7)
    return run


def printed(run: ScriptedRun, layout: RunLayout, width: int = 100, **more: Any) -> str:
    console = paper(width)
    print_result(run.state, layout, console=console, **more)
    return written(console)


def test_the_end_table_tells_each_job_with_its_figures(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path)
    figures = {
        "best_target_model_target_test_f1": 0.91234,
        "best_target_model_target_test_loss": 0.25,
        "best_target_val_loss_epoch": 7,
    }
    write_metrics(layout, "alpha/job1", figures)
    page = printed(ended_run(), layout, elapsed_s=90.0, picture=tmp_path / "p.png")
    assert line_with("job ", page) == ["job", "state", "test", "F1", "test", "loss", "took", "worker:slot"]
    assert line_with("alpha/job1 ", page) == [
        "alpha/job1",
        "succeeded",
        "0.9123",
        "0.2500",
        "12s",
        "lab1:gpu2",
    ]
    assert line_with("alpha/job3 ", page) == ["alpha/job3", "failed", "–", "–", "7.0s", "lab1:gpu0"]
    assert line_with("alpha/job0 ", page) == ["alpha/job0", "blocked", "–", "–", "–"]
    assert "1 of 4 experiments succeeded in 1m30s; sharing base models saved 2 trainings." in page
    assert f"Results: {layout.experiments}\n" in page
    assert f"Picture: {tmp_path / 'p.png'}\n" in page


def test_the_end_table_tells_where_each_base_model_came_from(tmp_path: Path) -> None:
    page = printed(ended_run(), RunLayout(tmp_path))
    assert line_with("000000000000 ", page) == ["0" * 12, "failed", "lab1:gpu0", "1m05s", "2"]
    assert line_with("111111111111 ", page) == ["1" * 12, "in", "the", "store", "2"]


def test_failures_come_with_reason_last_words_and_log(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path)
    base = f"base_models/{'0' * 64}"
    log = layout.log(base, 1)
    log.parent.mkdir(parents=True)
    log.write_text("…")
    page = printed(ended_run(), layout, width=60)
    story = page[page.index("What failed, and why") :]
    assert f"{base}: failed: exit code 1\n    FileNotFoundError: p2_train.pt\n    log: {log}\n" in story
    assert "alpha/job3: failed: out of memory\n" in story
    assert story.index("alpha/job3") < story.index("alpha/job0: its base model")
    assert story.count("log:") == 1


def test_a_baseline_stands_beside_each_result_and_who_beats_is_said(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path)
    figures = {"best_target_model_target_test_f1": 0.75, "baseline_forest_target_test_f1": 0.875}
    write_metrics(layout, "alpha/job1", figures)
    page = printed(ended_run(), layout)
    assert line_with("job ", page)[:6] == ["job", "state", "test", "F1", "forest", "F1"]
    assert line_with("alpha/job1 ", page)[2:4] == ["0.7500", "0.8750"]
    assert "A forest has a better F1 than the fitted model in 1 of 1 experiments." in page


def test_tries_are_shown_where_there_was_more_than_one(tmp_path: Path) -> None:
    assert "tries" not in line_with("job ", printed(ended_run(), RunLayout(tmp_path)))
    run = ended_run()
    run.job("job1").attempts = 3
    assert line_with("alpha/job1 ", printed(run, RunLayout(tmp_path)))[-1] == "3"


def test_long_tables_are_cut_but_failures_stay(tmp_path: Path) -> None:
    run = ScriptedRun(jobs_spec(1000, 0), ["lab1"])
    run.up("lab1", 1000)
    for number in range(1000):
        if number == 500:
            run.fail("job500", "no data")
        else:
            run.succeed(f"job{number}")
    page = printed(run, RunLayout(tmp_path))
    assert len(page.splitlines()) < 60
    assert "… 965 more in phase2_experiments.csv" in page
    assert "alpha/job500: failed: no data" in page
    assert "alpha/job0 " in page and "alpha/job999 " in page


def test_very_many_failures_are_counted(tmp_path: Path) -> None:
    run = ScriptedRun(jobs_spec(200, 0), ["lab1"])
    run.up("lab1", 200)
    for number in range(200):
        run.fail(f"job{number}", "no data" + "!" * number)
    page = printed(run, RunLayout(tmp_path))
    assert page.count(": failed: no data") == 40
    assert "… and 160 more in phase1_base_models.json and phase2_experiments.json" in page


def test_equal_failures_are_one_row_with_a_count(tmp_path: Path) -> None:
    run = ScriptedRun(jobs_spec(1002, 0), ["lab1"])
    run.up("lab1", 1002)
    for number in range(1000):
        tail = f"epoch {number}\nValueError: loss is {number / 7} in /w/a{number}\n"
        run.fail(f"job{number}", "exit code 1", exit_code=1, stderr_tail=tail)
    run.fail("job1000", "exit code 1", exit_code=1, stderr_tail="KeyError: 'lr'\n")
    run.succeed("job1001")
    page = printed(run, RunLayout(tmp_path))
    story = page[page.index("What failed, and why") :]
    assert story.splitlines()[1:5] == [
        "alpha/job0: failed: exit code 1 (and 999 more alike)",
        "    ValueError: loss is 0.0 in /w/a0",
        "alpha/job1000: failed: exit code 1",
        "    KeyError: 'lr'",
    ]
    assert len(result_json(run.state, 1, {}, RunLayout(tmp_path).result)["jobs"]) == 1002


def test_job_names_are_whole_in_80_columns(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path)
    write_metrics(layout, "alpha/job1", {f"best_{m}_model_target_test_f1": 0.5 for m in ("base", "target")})
    page = printed(ended_run(), layout, width=80)
    assert max(map(len, page[: page.index("What failed")].splitlines())) <= 80
    assert line_with("alpha/job1 ", page)[:4] == ["alpha/job1", "succeeded", "0.5000", "0.5000"]


def test_markup_in_names_is_not_obeyed(tmp_path: Path) -> None:
    run = ScriptedRun(jobs_spec(1, 0), ["[red]lab"])
    run.up("[red]lab", 1)
    run.fail("job0", "[bold]no data[/nonsense]")
    page = printed(run, RunLayout(tmp_path))
    assert "[red]lab:gpu0" in page
    assert "[bold]no data[/nonsense]" in page


def test_results_of_mixed_code_are_told_below_the_table(tmp_path: Path) -> None:
    page = printed(ended_run(), RunLayout(tmp_path), notes=["2 versions:", "  1 by [that]"])
    assert "2 versions:\n  1 by [that]\nResults: " in page


def test_no_folder_is_named_that_is_not_there(tmp_path: Path) -> None:
    run, layout = ended_run(), RunLayout(tmp_path)
    assert "\nResults: none, no file has come home\n" in printed(run, layout)
    layout.experiments.mkdir(parents=True)
    assert f"\nResults: {layout.experiments}\n" in printed(run, layout)
    run = ScriptedRun(jobs_spec(2, 1), ["lab1"], in_store={"0" * 64: "content of 0"})
    run.up("lab1", 2)
    run.succeed("job0")
    run.succeed("job1", files=False)
    jobs = result_json(run.state, 0, {}, layout.result)["jobs"]
    assert [job["result_dir"] for job in jobs] == [str(layout.result("alpha/job0")), None]
    assert "versions" not in printed(ended_run(), RunLayout(tmp_path))


def test_result_json_round_trips(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path)
    write_metrics(layout, "alpha/job1", {"f1": 0.5, "name": "x", "bad": float("nan")})
    run = ended_run()
    found = json.loads(
        json.dumps(
            result_json(
                run.state, 1, collected_metrics(run.state, layout), layout.result, ["mixed"], ["2 forks"]
            )
        )
    )
    assert found["exit_code"] == 1
    assert found["trainings_saved"] == 2
    assert found["code_notes"] == ["mixed"]
    assert found["start_notes"] == ["2 forks"]
    by_id = {job["job_id"]: job for job in found["jobs"]}
    assert by_id["alpha/job1"] == {
        "job_id": "alpha/job1",
        "state": "succeeded",
        "worker": "lab1",
        "slot": "gpu2",
        "attempts": 1,
        "duration_seconds": 12,
        "result_dir": str(layout.result("alpha/job1")),
        "error": None,
        "left_out": [],
        "metrics": {"f1": 0.5},
    }
    assert (by_id["alpha/job3"]["error"], by_id["alpha/job3"]["result_dir"]) == (
        "failed: out of memory",
        None,
    )
    assert [(base["spec_hash"][0], base["state"], base["jobs"]) for base in found["base_models"]] == [
        ("0", "failed", 2),
        ("1", "in_store", 2),
    ]


def test_the_end_of_a_run_without_base_models_tells_nothing_of_sharing(tmp_path: Path) -> None:
    run = ScriptedRun(jobs_spec(2, 0), ["lab1"])
    run.up("lab1", 2)
    run.succeed("job0", seconds=1)
    page = printed(run, RunLayout(tmp_path), elapsed_s=90.0)
    assert "\n1 of 2 experiments succeeded in 1m30s.\n" in page and "saved" not in page
    assert result_json(run.state, 0, {}, RunLayout(tmp_path).result)["trainings_saved"] == 0
