"""The flags of `train_probes`, as settings."""

from __future__ import annotations

import pytest

from trainers.common.errors import BadInput
from trainers.probes.cli import build_parser
from trainers.probes.command import check, settings_of
from trainers.probes.settings import Settings


def settings(*words: str) -> Settings:
    arguments = build_parser().parse_args(["--activations", "a.h5", "--device", "cpu", *words])
    check(arguments)
    return settings_of(arguments)


def test_usually_they_are_the_defaults_of_thesettings_of() -> None:
    assert settings() == Settings()


def test_a_recipe_sets_what_is_not_given() -> None:
    found = settings("--recipe", "original", "--inputs", "standardised")
    assert (found.inputs, found.bias_start, found.epoch_steps, found.lrs) == (
        *("standardised", "zero"),
        *(0, (5e-4,)),
    )
    assert found.epochs == 50 and settings("--recipe", "original", "--epochs", "3").epochs == 3
    assert settings("--recipe", "original", "--epoch-steps", "7").epoch_steps == 7


@pytest.mark.parametrize("words", [["1e-3,1e-4", "1e-3"], ["1e-3", "1e-4"], ["1e-3,", "1e-4,1e-4"]])
def test_several_rates_may_be_written_either_way_and_count_once(words: list[str]) -> None:
    assert settings("--lr", *words).lrs == (1e-3, 1e-4)


@pytest.mark.parametrize("flag", ["--batch-size", "--batch_size"])
def test_flags_are_spelled_with_dashes_or_underscores(flag: str) -> None:
    assert settings(flag, "7").batch_size == 7


@pytest.mark.parametrize(("word", "weight"), [("balanced", "balanced"), ("2.5", 2.5)])
def test_positives_weigh_a_number_or_as_many_as_there_are_negatives(word: str, weight: object) -> None:
    assert settings("--pos-weight", word).pos_weight == weight


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--model-type", "multihead", "--hidden-dim", "12"], "--hidden-dim 12: must be a multiple of 8"),
        (["--model-type", "multihead", "--solver", "exact"], "solves linear probes only"),
        (["--schedule-epochs", "6"], "--schedule-epochs 6: is less than --epochs 7"),
    ],
)
def test_flags_that_do_not_go_together_are_named(words: list[str], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        settings(*words)


@pytest.mark.parametrize("words", [["--lr", ","], ["--lr", "-1"], ["--pos-weight", "0"], ["--tol", "x"]])
def test_a_flag_that_is_malformed_exits_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        settings(*words)
    assert caught.value.code == 2 and "usage" in capsys.readouterr().err
