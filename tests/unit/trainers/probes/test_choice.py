"""Which executor and device a layer gets."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch

from master.orchestrator.discovery import read_script
from trainers.common.memory import OutOfMemoryError, is_out_of_memory, memory_advice
from trainers.probes import choice, cli, command
from trainers.probes.choice import executor_for, loading_advice, stacked_bytes, training_advice
from trainers.probes.options import ProbeOptions
from trainers.probes.settings import Settings


def test_the_memory_of_a_fused_model_grows_with_its_columns() -> None:
    one = Settings(model_type="multihead")
    eight = Settings(model_type="multihead", lrs=tuple(10.0**-power for power in range(8)))
    weights = 4096 * 512 + 512 + 512 * 512 + 512 + 4 * 512 * 512 + 4 * 512 + 512 + 1
    assert stacked_bytes(one, 4096, 45) == 45 * 4 * (6 * weights + 6 * 512 * 512)
    assert stacked_bytes(eight, 4096, 45) == 8 * stacked_bytes(one, 4096, 45)
    assert stacked_bytes(Settings(), 4096, 45) == 45 * 4 * 6 * 4097


def test_a_fused_model_that_does_not_fit_gives_way_to_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    options, cpu = ProbeOptions(Settings(model_type="multihead")), torch.device("cpu")
    need = stacked_bytes(options.settings, 100, 5)
    monkeypatch.setattr(choice, "available_bytes", lambda: 2 * need)
    assert executor_for(options, cpu, 100, 5) == "fused"
    monkeypatch.setattr(choice, "available_bytes", lambda: 2 * need - 2)
    assert executor_for(options, cpu, 100, 5) == "thread"
    assert executor_for(ProbeOptions(options.settings, executor="fused"), cpu, 100, 5) == "fused"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("can't start new thread"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError(
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
        ),
    ],
)
def test_running_out_of_memory_names_the_flags_that_help(error: Exception) -> None:
    message = r"out of memory while training .*: lower --batch-size"
    with pytest.raises(OutOfMemoryError, match=message), memory_advice("training", "lower --batch-size"):
        raise error


@pytest.mark.parametrize(
    ("executor", "device", "expected"),
    [
        ("fused", "cpu", "lower --batch-size or the number of --lr and --weight-decay values"),
        ("thread", "cpu", "lower --num-workers or --batch-size, or lower --hidden-dim"),
        ("exact", "cuda", "use --solver adamw, or lower --hidden-dim, or --no-pin-activations"),
    ],
)
def test_advice_names_what_helps(executor: str, device: str, expected: str) -> None:
    options = ProbeOptions(Settings(model_type="multihead"))
    advice = training_advice(executor, options, torch.device(device))
    assert advice.startswith(expected)
    assert ("--no-pin-activations" in advice) == (device == "cuda")
    pinned = "--no-pin-activations" in loading_advice(options, torch.device(device))
    assert pinned == (device == "cuda")


def test_other_errors_are_not_taken_for_it() -> None:
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(ZeroDivisionError), memory_advice("training", "no help"):
        _ = 1 / 0


def test_what_run_all_training_passes_on_is_found_in_the_script() -> None:
    script = read_script(Path(cli.__file__))
    assert script.problem == ""
    expected = {"epochs": "--epochs", "batch": "--batch-size", "output_dir": "--output-dir"}
    assert dict(script.takes) == expected


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("--lr", "", "'' holds no number"),
        ("--weight-decay", ",", "',' holds no number"),
        ("--seed", str(1 << 43), "is not a whole number from 0 to below 8796093022208"),
    ],
)
def test_flags_without_a_meaning(
    capsys: pytest.CaptureFixture[str], flag: str, value: str, message: str
) -> None:
    with pytest.raises(SystemExit):
        cli.build_parser().parse_args(["--activations", "a.h5", flag, value])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], ()),
        (["--model-type", "multihead"], (1e-3,)),
        (["--recipe", "original"], (5e-4,)),
        (["--recipe", "original", "--lr", "0.1,0.2"], (0.1, 0.2)),
    ],
)
def test_a_recipe_sets_the_learning_rate_unless_it_is_given(
    flags: list[str], expected: tuple[float, ...]
) -> None:
    arguments = cli.build_parser().parse_args(["--activations", "a.h5", *flags])
    assert command.settings_of(arguments).lrs == expected
