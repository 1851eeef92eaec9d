"""What a manifest says of jobs that train at once, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from master.code.trainer_manifest import find_trainer_manifest, read_manifest, trainer_names
from master.errors import ConfigError
from master.specs import Fused
from tests.support.empty_trainer import write_trainer

_TOGETHER = ["process", "thread"]


def test_a_manifest_says_which_fields_may_differ(tmp_path: Path) -> None:
    fused = {"may_differ": ["lr"], "partition": ["mode"], "same_bits": ["cpu"]}
    manifest = read_manifest(write_trainer(tmp_path, "calm", executors=_TOGETHER, fused=fused))
    assert manifest.fused == Fused(frozenset({"lr"}), ("mode",), frozenset({"cpu"}))


def test_a_manifest_that_says_nothing_fuses_nothing(tmp_path: Path) -> None:
    assert read_manifest(write_trainer(tmp_path, "calm")).fused is None


@pytest.mark.parametrize(
    ("fused", "problem"),
    [
        ([], "fused .*must be an object"),
        ({"may_difer": ["lr"]}, "did you mean `may_differ`"),
        ({}, "fused .*has no fields in `may_differ`"),
        ({"may_differ": []}, "fused .*has no fields in `may_differ`"),
        ({"may_differ": "lr"}, "may_differ .*must be a list"),
        ({"may_differ": ["moode"]}, r"may_differ\[0\] .*did you mean `mode`"),
        ({"may_differ": ["timeout"]}, r'may_differ\[0\] .*is `"timeout"`, a setting for Twophase'),
        ({"may_differ": ["lr"], "same_bits": ["gqu"]}, r"same_bits\[0\] .*did you mean `gpu`"),
        ({"may_differ": ["lr"], "partition": ["mide"]}, r"partition\[0\] .*did you mean `mode`"),
        (
            {"may_differ": ["lr"], "partition": ["lr"]},
            r'\[0\] .*is `"lr"`, which is in `may_differ`',
        ),
    ],
)
def test_clashing_words_are_refused_with_their_place(tmp_path: Path, fused: Any, problem: str) -> None:
    folder = write_trainer(tmp_path, "calm", executors=_TOGETHER, fields=["lr", "mode"], fused=fused)
    with pytest.raises(ConfigError, match=problem) as caught:
        read_manifest(folder)
    assert str(folder / "manifest.json") in str(caught.value)


def test_who_trains_at_once_must_share_a_process(tmp_path: Path) -> None:
    folder = write_trainer(tmp_path, "calm", fused={"may_differ": ["lr"]})
    with pytest.raises(ConfigError, match=r'fused .*`executors` must hold `"resident"` too'):
        read_manifest(folder)


@pytest.mark.parametrize("name", trainer_names())
def test_what_ships_names_flags_that_the_trainer_takes(name: str) -> None:
    manifest = find_trainer_manifest(name)
    named = manifest.fused.may_differ.union(manifest.fused.partition) if manifest.fused else frozenset()
    assert named <= {*manifest.flags().by_name}
