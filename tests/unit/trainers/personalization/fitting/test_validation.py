"""Many networks validated at once score as each does by itself."""

from __future__ import annotations

import pytest

from tests.unit.trainers.personalization.fitting.stacks import SPEC, windows
from trainers.personalization.fitting.moments import Moments
from trainers.personalization.fitting.rows import Rows
from trainers.personalization.fitting.validation import Validation
from trainers.personalization.networks import NetworkSpec
from trainers.personalization.scoring import evaluate

RAW = NetworkSpec(**{**vars(SPEC), "inputs": "raw"})


@pytest.mark.parametrize("kept", [[0, 1, 2], [2, 0]])
def test_scores_are_those_of_each_network(kept: list[int]) -> None:
    networks = [RAW.build().double() for _ in range(3)]
    held_out = [windows(count, count) for count in (7, 70, 600)]
    rows = Rows(networks, [Moments.of(one) for one in networks], averaged=False)
    validation = Validation(held_out, networks[0])
    if kept != [0, 1, 2]:
        validation.cut(kept)
    found = validation.scores(rows.layout, rows.values[kept])
    for member, one in zip(kept, found, strict=True):
        expected = evaluate(networks[member], held_out[member])
        assert one.loss == pytest.approx(expected.loss, rel=1e-12)
        assert (one.f1, one.accuracy) == (expected.f1, expected.accuracy)
