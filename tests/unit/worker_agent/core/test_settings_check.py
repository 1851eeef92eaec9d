"""Whether settings make sense."""

from __future__ import annotations

from typing import Any

import pytest

from worker_agent.core.settings_check import check_settings
from worker_agent.protocol.codec import MessageError, parse
from worker_agent.protocol.messages import Settings


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"gpus": [""]}, "Settings.gpus"),
        ({"slots_per_gpu": 65}, "Settings.slots_per_gpu is 65, allowed are 1 to 64"),
        ({"visible_gpus": "colour"}, "Settings.visible_gpus is 'colour', allowed are"),
        ({"cpu_slots": 0}, "Settings.cpu_slots is 0, allowed are 1 and more"),
        ({"env": {"A": 1}}, "Settings.env"),
        ({"kill_grace_s": -1}, "Settings.kill_grace_s is -1"),
        ({"checkpoint_limit_bytes": -1}, "Settings.checkpoint_limit_bytes is -1"),
        ({"cache_limit_bytes": -1}, "Settings.cache_limit_bytes is -1"),
        ({"log_limit_bytes": 5}, "Settings.log_limit_bytes is 5, allowed are 1048576 and more"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_settings_that_cannot_be_are_told_with_what_is_allowed(settings: Any, problem: str) -> None:
    with pytest.raises(MessageError) as error:
        check_settings(parse(Settings, settings))
    assert problem in str(error.value)
