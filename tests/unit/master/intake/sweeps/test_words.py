from __future__ import annotations

import pytest

from master.intake.sweeps.words import named_distribution, named_value, named_values, together


def test_flags_are_read() -> None:
    assert named_values("lr=1e-3,1e-4") == ("lr", [0.001, 0.0001])
    assert named_value("name=a,b") == ("name", "a,b")
    assert named_value("x=a=b") == ("x", "a=b")
    assert named_distribution("lr=log_uniform:1e-5,1e-2") == ("lr", {"log_uniform": [1e-05, 0.01]})
    assert together("model=large,batch=64,128") == {"model": ["large"], "batch": [64, 128]}


@pytest.mark.parametrize("text", ["lr", "=1", " =1"])
def test_a_flag_without_a_name_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="has no name"):
        named_values(text)


def test_what_is_no_distribution_is_told() -> None:
    with pytest.raises(ValueError, match="distributions are uniform, log_uniform"):
        named_distribution("lr=1e-3")
    with pytest.raises(ValueError, match="is not like"):
        together("large")
