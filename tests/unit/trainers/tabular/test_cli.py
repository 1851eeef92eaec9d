"""The command: flags over files over presets, what a job is told, and help without torch."""

from __future__ import annotations

import argparse
import builtins
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from master.code.trainer_manifest import find_trainer_manifest
from master.core.flags.passing import arguments
from trainers.tabular import cli, pmssm
from trainers.tabular.cli import build_parser, main, request_of
from worker_agent.protocol.script_contract import ScriptContract


def printed(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, Any]:
    assert main([*argv, "--print-config"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def contract(folder: Path, phase: int, base: Path | None) -> ScriptContract:
    return ScriptContract("job", 1, phase, "hash", base, folder / "out", folder / "kept", folder / "progress")


def test_settings_come_from_preset_files_and_flags_in_this_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, schema = tmp_path / "config.json", tmp_path / "schema.json"
    config.write_text(json.dumps({"preset": "pmssm", "epochs": 7, "targets": ["a"], "seeds": [4]}))
    schema.write_text(json.dumps({"targets": "b", "split": "part", "valid": {"b": "0..1"}}))
    found = printed(capsys, "--config", str(config), "--schema", str(schema), "--epochs", "9", "--lr", "1,2")
    assert (found["preset"], found["epochs"], found["targets"], found["seeds"]) == ("pmssm", 9, ["b"], [4])
    assert (found["split"], found["split_column"], found["valid"]) == ("given", "part", ["b=0..1"])
    assert found["learning_rates"] == [1, 2] and len(found["features"]) == 19
    config.write_text(json.dumps(found))
    assert printed(capsys, "--config", str(config)) == found


def test_every_option_of_the_first_train_pmssm_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    words = "--testing --epochs 5 --n-datasets 2 --n-samples 50 --no-parallel --early-stopping --patience 9"
    arguments = build_parser("pmssm").parse_args(words.split())
    assert arguments.parallel is False and arguments.testing is True
    assert pmssm.main([*words.split(), "--print-config"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["epochs"], found["n_datasets"], found["n_samples"]) == (5, 2, 50)
    assert (found["early_stopping"], found["patience"], found["preset"]) == (True, 9, "pmssm")


def test_one_of_a_list_may_be_said_without_its_s(capsys: pytest.CaptureFixture[str]) -> None:
    found = printed(capsys, "--model", "mlp", "--seed", "3", "--target", "y", "--weight_decay", "0.1")
    assert (found["models"], found["seeds"], found["targets"]) == (["mlp"], [3], ["y"])
    assert found["weight_decays"] == [0.1]


def test_the_manifest_names_every_flag() -> None:
    known = {"help", "h", "config", "print_config", "json", "check_gpus"}
    spellings = (one for action in build_parser()._actions for one in action.option_strings)
    names = {one.lstrip("-").replace("-", "_") for one in spellings}
    fields = {*find_trainer_manifest("tabular").flags().by_name}
    assert fields == {name for name in names if not name.startswith("no_")} - known


def test_jobs_can_switch_off_what_a_flag_switches_on() -> None:
    manifest = find_trainer_manifest("tabular")
    two_way = [one for one in build_parser()._actions if isinstance(one, argparse.BooleanOptionalAction)]
    assert manifest.switches == {one.dest for one in two_way}
    words = arguments(dict.fromkeys(sorted(manifest.switches), False), manifest.flags())
    found = vars(build_parser().parse_args(words))
    assert {name: found[name] for name in manifest.switches} == dict.fromkeys(manifest.switches, False)


def test_help_teaches_and_needs_no_torch(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] in ("torch", "numpy", "sklearn"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest)

    for name in [one for one in sys.modules if one.startswith("trainers.tabular.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    import trainers.tabular.cli as fresh

    with pytest.raises(SystemExit) as ended:
        fresh.main(["--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0 and "train_tabular --data parkinsons.csv --targets total_UPDRS" in text
    assert fresh.main(["--data", "x.csv"]) == 1
    assert "pip install 'twophase[trainers,tabular]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--config", "none.json"], "--config none.json: cannot be read as JSON"),
        (["--schema", "none.json"], "--schema none.json: cannot be read as JSON"),
        (["--models", "mpl"], "--models mpl: must be of"),
        (["--valid"], ""),
        (["--gpus", "x"], "--gpus x: must be numbers, such as 0,1"),
        (["--tune-data", "b.csv"], "--tune-data goes with --start FOLDER"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    argv: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if told:
        assert main(argv) == 2
        assert told in capsys.readouterr().err
    else:
        with pytest.raises(SystemExit) as ended:
            main(argv)
        assert ended.value.code == 2


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("--config", "[]", "must be a JSON object"),
        ("--config", '{"epoch": 1}', "epoch: no setting"),
        ("--config", '{"data": 5}', "data is 5; must be the name of a file, or a list of them"),
        ("--config", '{"start": 5}', "start is 5; must be a text"),
        ("--schema", '{"target": "y"}', "target: no key; they are targets"),
        ("--schema", '{"valid": "0..1"}', "valid must be like"),
    ],
)
def test_files_that_say_something_else_are_told(
    tmp_path: Path, name: str, content: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file.json"
    path.write_text(content)
    assert main([name, str(path)]) == 2
    assert told in capsys.readouterr().err


def test_one_file_in_a_config_is_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "file.json"
    path.write_text('{"data": "rows.csv", "targets": "y"}')
    assert printed(capsys, "--config", str(path))["data"] == ["rows.csv"]
    assert main(["--config", str(path)]) == 2
    assert "rows.csv: no such file" in capsys.readouterr().err


def test_a_job_writes_where_it_is_told(tmp_path: Path) -> None:
    found = request_of({"data": ["a.csv"]}, "recommended", contract(tmp_path, 2, None))
    assert (found.output_dir, found.checkpoint_dir) == (tmp_path / "out", tmp_path / "kept")
    assert found.start is None and not found.is_base


def test_a_base_model_goes_to_its_folder_and_others_start_from_it(tmp_path: Path) -> None:
    given = {"data": ["a.csv"], "tune_data": ["b.csv"], "target_group": "7"}
    base = request_of({**given, "mode": "base_only"}, "recommended", contract(tmp_path, 1, tmp_path / "base"))
    assert (base.output_dir, base.start, base.is_base, base.data) == (
        tmp_path / "base",
        None,
        True,
        ("a.csv",),
    )
    tuned = request_of(given, "recommended", contract(tmp_path, 2, tmp_path / "base"))
    assert (tuned.output_dir, tuned.start, tuned.data) == (tmp_path / "out", tmp_path / "base", ("b.csv",))
    by_hand = request_of({**given, "start": "earlier"}, "recommended", None)
    assert (by_hand.start, by_hand.data) == (Path("earlier"), ("b.csv",))


def test_a_base_model_starts_from_its_parent_alone(tmp_path: Path) -> None:
    given = {"data": ["a.csv"], "tune_data": ["b.csv"], "mode": "base_only", "start": "earlier"}
    here = replace(contract(tmp_path, 1, tmp_path / "base"), parent_model_dir=tmp_path / "parent")
    child = request_of(given, "recommended", here)
    assert (child.output_dir, child.start, child.data) == (tmp_path / "base", tmp_path / "parent", ("b.csv",))
    assert child.is_child and child.is_base
    root = request_of(given, "recommended", replace(here, parent_model_dir=None))
    assert (root.start, root.data, root.is_child) == (None, ("a.csv",), False)


def test_figures_as_json_are_all_that_stdout_gets(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import trainers.tabular.job as job

    def run_of(request: Any, here: Any, told: Any) -> Any:
        here.say("epoch 1")
        told({"models": {"mlp": {"rmse": 1.5}}})
        yield from ()

    monkeypatch.setattr(job, "run_of", run_of)
    assert main(["--data", "a.csv", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"models": {"mlp": {"rmse": 1.5}}} and err == "epoch 1\n"


def test_an_interruption_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "run", interrupted)
    assert main([]) == cli.INTERRUPTED
    assert "the same command goes on" in capsys.readouterr().err


def test_presets_of_a_parser_are_its_name() -> None:
    assert isinstance(build_parser(), argparse.ArgumentParser)
    assert build_parser("pmssm").prog == "train_pmssm" and build_parser().prog == "train_tabular"
