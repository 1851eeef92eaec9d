"""What a training goes on from is its own."""

from pathlib import Path

import pytest

from trainers.common.errors import BadInput
from trainers.sae.checkpoints import STATE, Checkpoints


def test_a_state_comes_back_to_the_training_that_wrote_it(tmp_path: Path) -> None:
    Checkpoints(tmp_path, {"seed": 1}).write_state({"step": 3})
    found = Checkpoints(tmp_path, {"seed": 1}).state()
    assert found is not None and found["step"] == 3
    with pytest.raises(BadInput, match="seed was 1, is 2"):
        Checkpoints(tmp_path, {"seed": 2}).state()
    (tmp_path / STATE).write_bytes(b"cut")
    with pytest.raises(BadInput, match="delete it to begin anew"):
        Checkpoints(tmp_path, {"seed": 1}).state()
