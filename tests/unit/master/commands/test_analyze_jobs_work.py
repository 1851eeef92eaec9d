from __future__ import annotations

import hashlib
import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from master.code.identity import code_identity
from master.code.sources import CodeRequest
from master.code.trainer_manifest import find_trainer_manifest
from master.commands.analyze_jobs import main
from master.errors import ConfigError, UsageError

PEOPLE = ["p1", "p2", "p3"]
SEARCH = [
    {"fold": fold, "participants": PEOPLE, "target_batch_pct": share, "lr": 0.001}
    for share, fold in product((0.1, 0.25, 0.5, 0.75, None), range(3))
]


@pytest.fixture
def search(tmp_path: Path) -> Path:
    path = tmp_path / "jobs.json"
    path.write_text(json.dumps(SEARCH))
    return path


def analyzed(capsys: pytest.CaptureFixture[str], *argv: object) -> dict[str, Any]:
    assert main([*map(str, argv), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_fifteen_jobs_on_three_base_models(search: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = analyzed(capsys, search)
    assert (found["jobs"], found["jobs_needing_base_model"], len(found["base_models"])) == (15, 15, 3)
    assert (found["trainings_without_reuse"], found["trainings_with_reuse"]) == (30, 18)
    assert (found["trainings_saved"], found["gpu_hours_saved"]) == (12, None)
    assert [base["jobs"] for base in found["base_models"]] == [5, 5, 5]
    assert found["base_models"][0]["config"] == {
        "lr": 0.001,
        "base_participants": ["p2", "p3"],
        "code": code_identity(),
    }
    (split,) = found["single_field_splits"]
    assert split["field"] == "base_participants"
    assert split["values"] == [["p2", "p3"], ["p1", "p3"], ["p1", "p2"]]
    assert split["spec_hashes"] == [base["spec_hash"] for base in found["base_models"]]


def test_the_tables_say_the_same(search: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec_hash = analyzed(capsys, search)["base_models"][0]["spec_hash"]
    assert main([str(search)]) == 0
    shown = capsys.readouterr().out
    for words in ("Saved", "12", "unknown", spec_hash[:12], 'base_participants=["p2", "p3"]', "lr=0.001"):
        assert words in shown


def test_text_of_the_user_is_no_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "jobs.json"
    jobs = [{"tag": "[bold]x[/bold]", "lr": 1}, {"tag": "[/]", "lr": 1}]
    path.write_text(json.dumps({"jobs": jobs, "base_model": True}))
    assert main([str(path)]) == 0
    assert 'tag="[bold]x[/bold]"' in capsys.readouterr().out


def test_long_lists_are_cut_with_a_word_about_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "jobs.yaml"
    path.write_text(f"grid: {{lr: {list(range(50))}}}\nbase_model: true")
    assert main([str(path)]) == 0
    shown = capsys.readouterr().out
    assert "and 10 more: --json lists all" in shown
    assert "0, 1, 2, 3, 4, 5, …" in shown


def test_hours_come_from_the_base_models_that_are_there(
    search: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base_models = analyzed(capsys, search)["base_models"]
    for base, manifest in zip(base_models, ({"duration_seconds": 1800}, {"files": {}}), strict=False):
        folder = search.parent / "experiments/base_models" / base["spec_hash"]
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps(manifest))
    assert analyzed(capsys, search, "--run-dir", search.parent)["gpu_hours_saved"] == 2.0
    assert main([str(search), "--run-dir", str(search.parent)]) == 0
    assert "2.0" in capsys.readouterr().out


def test_rungs_count_from_the_beginning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, resume = tmp_path / "jobs.json", {"field": "epochs", "exact": True}
    path.write_text(json.dumps({"grid": {"epochs": [10, 20]}, "base_model": True, "resume": resume}))
    low, high = (base["spec_hash"] for base in analyzed(capsys, path)["base_models"])
    for name, seconds, lower in ((low, 3600, None), (high, 7200, low)):
        folder = tmp_path / "experiments/base_models" / name
        folder.mkdir(parents=True)
        told = {"duration_seconds": seconds, "resumes_from": lower}
        (folder / "manifest.json").write_text(json.dumps(told))
    found = analyzed(capsys, path, "--run-dir", tmp_path)
    assert found["gpu_hours_saved"] == 1.0, "what the higher rung was spared"
    assert found["rungs"] == {"field": "epochs", "trained": 20, "saved": 10}
    assert main([str(path)]) == 0
    shown = capsys.readouterr().out
    assert "epochs of base models, each from the beginning" in shown and "going on from lower rungs" in shown


@pytest.mark.parametrize("manifest", ['{"duration_seconds": -1}', '{"duration_seconds": "1"}', "{", "[]"])
def test_a_broken_manifest_is_named(search: Path, manifest: str, capsys: pytest.CaptureFixture[str]) -> None:
    spec_hash = analyzed(capsys, search)["base_models"][0]["spec_hash"]
    folder = search.parent / "experiments/base_models" / spec_hash
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(manifest)
    assert main([str(search), "--run-dir", str(search.parent)]) == 3
    assert f"{spec_hash}/manifest.json: " in capsys.readouterr().err


def test_the_script_is_part_of_every_base_model(search: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = search.parent / "train.py"
    hashes = set()
    for text in ("print(1)\n", "print(2)\n"):
        script.write_text(text)
        hashes |= {
            base["spec_hash"] for base in analyzed(capsys, search, "--script-path", script)["base_models"]
        }
    assert len(hashes) == 6


def test_a_trainer_checks_the_fields(search: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert analyzed(capsys, search, "--trainer", "personalization") == analyzed(capsys, search)
    search.write_text(json.dumps([{**SEARCH[0], "batch-size": 1}]))
    assert main([str(search), "--trainer", "personalization"]) == 3
    assert "did you mean `batch_size`?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "code", "says"),
    [
        (["none.json"], 3, "none.json: there is no such file"),
        (["{jobs}", "--trainer", "personalisation"], 2, "did you mean `personalization`?"),
        (["{jobs}", "--script-path", "none.py"], 3, "none.py: there is no such script"),
        (["{jobs}", "--script-path", "/"], 3, "the script cannot be read"),
        (["{jobs}", "--run-dir", "none"], 2, "--run-dir none is not a directory"),
    ],
)
def test_errors_have_their_exit_code(
    search: Path, capsys: pytest.CaptureFixture[str], argv: list[str], code: int, says: str
) -> None:
    assert main([part.format(jobs=search) for part in argv]) == code
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv", [[], ["a.json", "--nope"], ["a.json", "--script-path", "x", "--trainer", "y"]]
)
def test_wrong_usage_exits_with_2(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    for words in ("examples:", "exit codes:", "--run-dir DIR", "Nothing is trained"):
        assert words in shown


def test_the_code_is_identified_without_importing_it(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_bytes(b"raise SystemExit(9)\n")
    assert code_identity(CodeRequest(script)) == f"script:{hashlib.sha256(script.read_bytes()).hexdigest()}"
    assert code_identity(trainer="personalization") == code_identity()
    assert code_identity().startswith("trainer:personalization:")
    with pytest.raises(ConfigError, match=r"train2\.py: there is no such script"):
        code_identity(CodeRequest(tmp_path / "train2.py"))
    with pytest.raises(UsageError, match="not both"):
        code_identity(CodeRequest(script), "personalization")


def test_the_fields_of_a_personalization_search_are_flags_of_the_default_trainer() -> None:
    assert find_trainer_manifest().flags().by_name.keys() >= {
        *("fold", "participants", "mode", "model", "batch_size", "lr", "window_size", "data_path", "prefix"),
        *("use_augmentation", "jitter_std", "magnitude_range", "aug_prob", "n_base_participants"),
        *("early_stopping_patience", "early_stopping_patience_target", "target_data_pct", "target_batch_pct"),
    }


def test_a_plain_sweep_is_told_how_to_share(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "jobs.json"
    path.write_text(json.dumps({"grid": {"lr": [1, 2], "fold": [0, 1]}}))
    found = analyzed(capsys, path)
    assert (found["jobs"], found["base_models"]) == (4, [])
    assert main([str(path)]) == 0
    assert found["sharing_note"] in capsys.readouterr().out


def test_a_file_of_stages_names_its_scripts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scripts = [tmp_path / "base.py", tmp_path / "tune.py"]
    for script in scripts:
        script.write_text(f"# {script.name}\n")
    makes = [{"prefix": f"base_{n}", "lr": n} for n in (1, 2)]
    uses = {"grid": {"base_experiment_prefix": ["base_1", "base_2"], "seed_finetune": "0..4"}}
    stages = [
        {"name": "base", "script": str(scripts[0]), "jobs": makes},
        {"name": "tune", "from": "base", "script": str(scripts[1]), "jobs": uses},
    ]
    path = tmp_path / "stages.json"
    path.write_text(json.dumps({"stages": stages}))
    found = analyzed(capsys, path)
    assert (found["jobs"], len(found["base_models"])) == (10, 2)
    code = code_identity(CodeRequest(scripts[0]))
    assert found["base_models"][0]["config"] == {"lr": 1, "code": code}
    assert main([str(path), "--script-path", str(scripts[0])]) == 2
    assert "says which scripts run" in capsys.readouterr().err


def test_splits_that_look_alike_are_one_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = tmp_path / "jobs.json"
    grid = {"x": [1, 2], "y": [1, 2, 3]}
    jobs.write_text(json.dumps({"grid": grid, "base_model": {"include": ["x", "y"]}}))
    assert main([str(jobs)]) == 0
    table = capsys.readouterr().out.split("differ in one")[1]
    rows = [line.replace("│", "").split() for line in table.splitlines() if line.startswith(("│ x", "│ y"))]
    assert rows == [["x", "2", "1,", "2", "3"], ["y", "3", "1,", "2,", "3", "2"]]
    assert len(analyzed(capsys, jobs)["single_field_splits"]) == 5, "a program is told each"
