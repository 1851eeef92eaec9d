"""The flags that built-in trainers are seen to take are those that their parsers know."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest

from master.code.trainer_manifest import find_trainer_manifest, trainer_names
from master.core.flags.declared import Takes
from trainers.personalization import options
from trainers.probes import cli as probes
from trainers.sae import cli as sae
from trainers.tabular import cli as tabular

PARSERS: dict[str, Callable[[], argparse.ArgumentParser]] = {
    "personalization": options.build_parser,
    "probes": probes.build_parser,
    "sae": sae.build_parser,
    "tabular": tabular.build_parser,
}
FOR_USERS_ALONE = {"config", "print_config", "check_gpus", "json"}
"""What a command tells or takes beside the fields of a job."""


@pytest.mark.parametrize("name", trainer_names())
def test_every_field_reaches_its_trainer_as_a_flag_that_the_parser_knows(name: str) -> None:
    known = PARSERS[name]()._option_string_actions
    for field, flag in find_trainer_manifest(name).flags().by_name.items():
        assert flag.place is None and flag.spelling in known, field
        if flag.takes in (Takes.NOTHING, Takes.ONE, Takes.MANY):
            action = known[flag.spelling]
            several = Takes.NOTHING if action.nargs == 0 else Takes.MANY
            assert flag.takes is (Takes.ONE if action.nargs is None else several), field


@pytest.mark.parametrize("name", trainer_names())
def test_every_flag_of_a_parser_is_a_field(name: str) -> None:
    flags = find_trainer_manifest(name).flags()
    for action in PARSERS[name]()._actions:
        names = {text.lstrip("-") for text in action.option_strings}
        if names and not names & {"help", *FOR_USERS_ALONE}:
            assert any(flags.find(field) for field in names), action.option_strings
