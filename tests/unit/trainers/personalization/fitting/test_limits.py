"""How many networks learn at once."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.trainers.personalization.fitting.stacks import SPEC, trainee
from trainers.personalization.fitting.limits import at_once


def test_small_networks_are_many_and_large_ones_few() -> None:
    small, large = trainee(), trainee(replace(SPEC, hidden_sizes=(300_000,)), batch_size=1024, target=1024)
    assert at_once(small) > 1000
    assert at_once(large) == 1


def test_a_convolution_keeps_its_channels_of_every_sample() -> None:
    cnn = replace(SPEC, model="cnn")
    wide = replace(cnn, conv_channels=(30, 40))
    assert at_once(trainee(wide)) < at_once(trainee(cnn))
