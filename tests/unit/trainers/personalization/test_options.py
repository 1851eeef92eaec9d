"""The flags of a job as one value, and those that contradict each other."""

from __future__ import annotations

import pytest

from trainers.personalization.errors import OptionError
from trainers.personalization.options import PersonalizationOptions, parse


def parsed(*words: str) -> PersonalizationOptions:
    return parse(["--fold", "1", "--participants", "a", "b", "c", *words])


def test_a_recipe_sets_what_is_not_given() -> None:
    assert (parsed().dropout, parsed().hidden_sizes, parsed().inputs) == (0.2, (128, 128), "standardised")
    original = parsed("--recipe", "original", "--dropout", "0.3")
    assert (original.dropout, original.hidden_sizes, original.inputs) == (0.3, (128, 64), "raw")


def test_inputs_may_be_chosen_against_the_recipe() -> None:
    assert parsed("--model", "mlp", "--inputs", "quantiles").inputs == "quantiles"
    assert parsed("--model", "mlp", "--inputs", "raw").inputs == "raw"
    assert parsed("--recipe", "original", "--inputs", "standardised").inputs == "standardised"


def test_the_target_is_not_among_those_that_train_the_base() -> None:
    assert (parsed().target, parsed().base_participants) == ("b", ["a", "c"])
    assert parsed("--n_base_participants", "1").base_participants == ["a"]


@pytest.mark.parametrize(
    ("mode", "needs"),
    [
        *(("full_fine_tuning", True), ("target_only_fine_tuning", True)),
        *(("target_only", False), ("base_only", False)),
    ],
)
def test_only_fine_tuning_starts_from_a_base_model(mode: str, needs: bool) -> None:
    assert parsed("--mode", mode).needs_base_model is needs


def test_target_training_may_have_a_seed_of_its_own() -> None:
    assert parsed("--seed", "3").for_target().seed == 3
    assert parsed("--seed", "3", "--seed_finetune", "5").for_target().seed == 5


def test_a_schedule_is_as_long_as_the_training_unless_it_is_longer() -> None:
    assert parsed("--epochs", "9").horizon == 9
    assert parsed("--epochs", "9", "--schedule_epochs", "12").horizon == 12


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--participants", "a", "b", "a"], "participants names a more than once"),
        (["--magnitude_range", "2", "1"], "magnitude_range is 2.0 1.0"),
        (["--kernel_size", "4"], "allowed are odd numbers"),
        (["--target_batch_pct", "0.5", "--batch_size", "1"], "needs a batch_size of at least 2"),
        (["--epochs", "9", "--schedule_epochs", "8"], "schedule_epochs is 8, epochs is 9"),
        (["--fold", "3"], "fold"),
        (["--n_base_participants", "3"], "n_base_participants"),
    ],
)
def test_flags_that_contradict_each_other_are_named(words: list[str], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        parsed(*words)


@pytest.mark.parametrize(
    "words", [["--participants", "a/b"], ["--fold", "-1"], ["--lr", "0"], ["--foldd", "1"]]
)
def test_a_flag_that_is_malformed_exits_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parsed(*words)
    assert caught.value.code == 2 and "usage" in capsys.readouterr().err
