"""Runs: from a table to models and figures; going on, other settings, base models, bad input."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.trainers.tabular.tables import columns, written
from trainers.common.errors import BadInput, TrainerError
from trainers.tabular import run as running
from trainers.tabular.cli import main
from trainers.tabular.request import Request
from trainers.tabular.results.saved import load_model
from trainers.tabular.run import train
from trainers.tabular.settings import settings_of
from trainers.tabular.training.members import DivergedError

SMALL: dict[str, Any] = {
    "targets": ["y"],
    "exclude": ["z"],
    "group": "person",
    "models": ["mlp"],
    "sizes": ["mlp.hidden=8", "mlp.embedding=4"],
    "epochs": 2,
}


def request(folder: Path, given: dict[str, Any] | None = None, **others: Any) -> Request:
    data = written(folder / "rows.csv")
    out = folder / "out"
    made = Request(
        settings_of("recommended", {**SMALL, **(given or {})}),
        (data,),
        out,
        out / "checkpoints",
        device="cpu",
        num_workers=1,
        plots=False,
        prepared_cache="off",
    )
    return replace(made, **others)


def quiet(line: str) -> None:
    pass


def test_models_are_trained_scored_and_kept(tmp_path: Path) -> None:
    lines: list[str] = []
    found = train(request(tmp_path, {"models": ["mlp", "trees"], "seeds": [0, 1]}), lines.append)
    assert (found["scored_on"], found["rows"], [*found["models"]]) == ("test", 18, ["mlp", "trees"])
    saved = load_model(tmp_path / "out" / "mlp")
    assert [member.seed for member in saved.members] == [0, 1] and saved.calibration.conformal is not None
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["trees_rmse"] == found["models"]["trees"]["rmse"]
    assert lines[0] == "regression of y by 2 amounts and 1 categories"
    assert not list((tmp_path / "out" / "checkpoints").glob("*"))


@pytest.mark.parametrize(
    ("given", "members"),
    [
        ({"targets": ["z"], "exclude": ["y"]}, 1),
        ({"folds": 3, "split": "group"}, 3),
        ({"folds": 3, "fold": 1}, 1),
        ({"test_share": 0.0}, 1),
        ({"learning_rates": [1e-3, 1e-9], "seeds": [0, 1]}, 2),
    ],
)
def test_classes_folds_and_rates(tmp_path: Path, given: dict[str, Any], members: int) -> None:
    found = train(request(tmp_path, given), quiet)
    saved = load_model(tmp_path / "out" / "mlp")
    assert len(saved.members) == members
    assert found["scored_on"] == ("val" if given.get("test_share") == 0.0 else "test")
    figures = found["models"]["mlp"]
    assert ("auc" in figures) == ("z" in given.get("targets", ()))
    if "learning_rates" in given:
        training = json.loads((tmp_path / "out" / "mlp" / "training.json").read_text())
        assert {one["learning_rate"] for one in training["members"] if one["kept"]} == {1e-3}


def test_the_same_command_goes_on_and_another_is_refused(tmp_path: Path) -> None:
    first = train(request(tmp_path, {"models": ["mlp", "trees"]}), quiet)
    before = (tmp_path / "out" / "mlp" / "weights.safetensors").stat().st_mtime_ns
    lines: list[str] = []
    again = train(request(tmp_path, {"models": ["mlp", "trees"]}), lines.append)
    assert again == first and "mlp: is trained already" in lines
    assert (tmp_path / "out" / "mlp" / "weights.safetensors").stat().st_mtime_ns == before
    with pytest.raises(BadInput, match=r"other settings \(epochs was 2, is 3\); use --overwrite"):
        train(request(tmp_path, {"models": ["mlp", "trees"], "epochs": 3}), quiet)
    train(request(tmp_path, {"models": ["mlp"], "epochs": 3}, overwrite=True), quiet)
    assert not (tmp_path / "out" / "trees").exists()


def test_a_base_model_is_fitted_to_the_group_that_it_never_saw(tmp_path: Path) -> None:
    base = request(tmp_path, target_group="7", is_base=True, output_dir=tmp_path / "base")
    train(base, quiet)
    tuned = request(tmp_path, {"tune_epochs": 1}, target_group="7", start=tmp_path / "base")
    with pytest.raises(BadInput, match="needs --fold: which of them is held out"):
        train(request(tmp_path, {"folds": 2}, start=tmp_path / "base"), quiet)
    lines: list[str] = []
    train(tuned, lines.append)
    before, after = (load_model(folder / "mlp") for folder in (tmp_path / "base", tmp_path / "out"))
    assert after.statistics[0].to_json() == before.statistics[0].to_json() and after.spec == before.spec
    assert after.vocabulary == before.vocabulary
    assert any(not one.equal(after.members[0].state[name]) for name, one in before.members[0].state.items())
    assert "10 of 120 rows are of the wanted groups" in lines


def test_a_model_that_diverges_is_told_and_the_others_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = running.train_network

    def diverging(name: str, *rest: Any) -> Any:
        if name == "realmlp":
            raise DivergedError("the loss is no number")
        return real(name, *rest)

    monkeypatch.setattr(running, "train_network", diverging)
    with pytest.raises(TrainerError, match="realmlp: the loss is no number; the others are kept"):
        train(request(tmp_path, {"models": ["realmlp", "mlp"]}), quiet)
    assert "rmse" in json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (tmp_path / "out" / "mlp" / "model.json").exists()


def test_trees_are_left_out_of_what_is_trained_further(tmp_path: Path) -> None:
    both = {"models": ["mlp", "trees"]}
    train(request(tmp_path, both, output_dir=tmp_path / "base"), quiet)
    lines: list[str] = []
    found = train(request(tmp_path, both, start=tmp_path / "base"), lines.append)
    assert [*found["models"]] == ["mlp"]
    assert any(line.startswith("trees: is left out, since") for line in lines)


def test_exports_are_checked_first_and_made_of_finished_models(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--export pdf: must be of torch, onnx"):
        train(request(tmp_path, exports=("pdf",)), quiet)
    assert not (tmp_path / "out").exists()
    both = {"models": ["mlp", "trees"]}
    train(request(tmp_path, both), quiet)
    lines: list[str] = []
    train(request(tmp_path, both, exports=("torch",)), lines.append)
    assert "--export is not for trees" in lines
    made = tmp_path / "out" / "mlp" / "model.pt2"
    assert made.is_file() and f"mlp: {made}" in lines
    lines.clear()
    train(request(tmp_path, both, exports=("torch",)), lines.append)
    assert f"mlp: {made}" not in lines


def test_a_search_goes_on_without_the_rates_that_diverge(tmp_path: Path) -> None:
    lines: list[str] = []
    train(request(tmp_path, {"learning_rates": [1e-3, 1e200], "clip_norms": [0]}), lines.append)
    assert any("mlp: some rates are out of the search" in one and "rate 1e+200" in one for one in lines)
    training = json.loads((tmp_path / "out" / "mlp" / "training.json").read_text())
    assert [one["learning_rate"] for one in training["members"] if one["kept"]] == [1e-3]
    with pytest.raises(TrainerError, match="the loss is no number from the first epoch on"):
        train(request(tmp_path, {"learning_rates": [1e200], "clip_norms": [0]}, overwrite=True), quiet)


def test_settings_that_were_written_are_a_config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = request(tmp_path)
    train(made, quiet)
    assert main(["--config", str(made.output_dir / "settings.json"), "--print-config"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["sizes"] == SMALL["sizes"] and printed["data"] == [*made.data]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"targets": ["Y"]}, "no column 'Y': did you mean 'y'"),
        ({"valid": ["y=500..600"]}, r"target 'y': no row is in the valid range 500..600"),
        ({"batch_size": 256}, "--batch-size 256: there are only 84 rows"),
        ({"split": "group", "folds": 50}, "groups are too few"),
        ({"sizes": ["mlp.hiden=3"]}, "hiden"),
        ({"target_transform": ["log"]}, "are not above 0"),
        ({"without_groups": ["7"], "only_groups": ["7"]}, "no row is left: --only-groups and"),
    ],
)
def test_what_cannot_be_trained_is_told_before_anything_is_written(
    tmp_path: Path, given: dict[str, Any], told: str
) -> None:
    with pytest.raises(BadInput, match=told):
        train(request(tmp_path, given), quiet)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("a", float("inf"), "column 'a': 120 infinite values"),
        ("a", 3, "the same in every training row: a"),
        ("a", "", "missing in every training row: a"),
    ],
)
def test_columns_that_teach_nothing_are_told_before_anything_is_written(
    tmp_path: Path, name: str, value: object, told: str
) -> None:
    made = request(tmp_path)
    table = columns()
    written(tmp_path / "rows.csv", {**table, name: [value] * len(table[name])})
    with pytest.raises(BadInput, match=told):
        train(made, quiet)
    assert not (tmp_path / "out").exists()


def test_a_table_without_rows_is_told(tmp_path: Path) -> None:
    made = request(tmp_path)
    (tmp_path / "rows.csv").write_text(",".join(columns()) + "\n")
    with pytest.raises(BadInput, match=r"rows\.csv: no row is there"):
        train(made, quiet)


def test_a_base_model_without_the_models_is_told(tmp_path: Path) -> None:
    for name in ("tabm/model.json", "mlp/training.json", "trees/training.json"):
        (tmp_path / "base" / name).parent.mkdir(parents=True)
        (tmp_path / "base" / name).touch()
    with pytest.raises(BadInput, match=r"has no model of mlp; it has tabm\. --models chooses"):
        train(request(tmp_path, start=tmp_path / "base"), quiet)
    with pytest.raises(BadInput, match="has no model of trees; it has tabm"):
        train(request(tmp_path, {"models": ["trees"]}, start=tmp_path / "base"), quiet)
