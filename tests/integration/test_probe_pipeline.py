"""The shell script that trains the probes of many layers: what it asks of `train_probes`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "train_probe_pipeline_parallel.sh"
FAKE = '#!/bin/sh\nprintf "%s\\n" "$@" > "$ASKED"\n'


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "train_probes"
    fake.write_text(FAKE)
    fake.chmod(0o755)
    activations = tmp_path / "data" / "activations"
    activations.mkdir(parents=True)
    for layer in (4, 21, 9, 100):
        (activations / f"layer_{layer}_activations.h5").touch()
    (activations / "notes_activations.h5").touch()
    return tmp_path


def run(place: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": f"{place / 'bin'}:{os.environ['PATH']}", "ASKED": str(place / "asked")}
    return subprocess.run([SCRIPT, *flags], cwd=place, env=env, capture_output=True, text=True, timeout=60)


def asked(place: Path, *flags: str) -> list[str]:
    done = run(place, *flags)
    assert done.returncode == 0, done.stderr
    return (place / "asked").read_text().splitlines()


BOTH = ("--activations", "./data/activations")


def test_all_layers_that_have_a_file_are_trained(place: Path) -> None:
    assert asked(place) == [
        *(*BOTH, "--layer", "4", "9", "21", "100", "--output-dir", "./data/probes_binary"),
    ]


def test_flags_go_on_and_layers_are_chosen(place: Path) -> None:
    flags = ("--layer-start", "9", "--layer-end", "21", "--num-workers", "12", "--batch-size", "1024")
    assert asked(place, *flags, "--probe-type", "multihead", "--output-dir", "o", "--no-scheduler") == [
        *(*BOTH, "--layer", "9", "21", "--output-dir", "o", "--num-workers", "12", "--batch-size", "1024"),
        *("--model-type", "multihead", "--no-scheduler"),
    ]


def test_one_layer_has_its_folder_too(place: Path) -> None:
    assert asked(place, "--layer", "21", "--num-workers", "4") == [
        *(*BOTH, "--layer", "21", "--output-dir", "./data/probes_binary/layer_21", "--num-workers", "4"),
    ]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--layer", "5"), "no layer_<n>_activations.h5 for the layers asked for"),
        (("--layer", "x"), "--layer x: must be the number of a layer"),
        (("--layer",), "--layer: a value is missing"),
        (("--activations-dir", "gone"), "gone: there is no such folder"),
    ],
)
def test_what_is_wrong_is_said(place: Path, flags: tuple[str, ...], said: str) -> None:
    done = run(place, *flags)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert not (place / "asked").exists()


def test_help_names_the_flags(place: Path) -> None:
    done = run(place, "--help")
    assert done.returncode == 0 and "--layer-start N" in done.stdout
