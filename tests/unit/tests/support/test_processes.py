from __future__ import annotations

import os
import time

import pytest

from tests.support.processes import seconds_of_tree


def test_what_this_process_has_used_is_counted() -> None:
    own_s = time.process_time()
    assert own_s - 0.1 <= seconds_of_tree(os.getpid())
    assert seconds_of_tree(os.getpid()) <= seconds_of_tree(os.getppid()) + 0.1


def test_one_that_is_gone_has_used_nothing() -> None:
    assert seconds_of_tree(2**30) == pytest.approx(0.0)
