"""How long the pace of one job is waited for."""

from __future__ import annotations

from worker_agent.core.packing.patience import TELLS_S, Patience

A, B = ("a", 1), ("b", 1)


def test_the_first_is_waited_for_and_not_a_second_beside_it() -> None:
    patience = Patience()
    patience.reported(A, is_known=False)
    patience.reported(B, is_known=False)
    assert patience.key == A and not patience.aged(B, 10 * TELLS_S)


def test_it_is_waited_for_from_when_it_was_looked_at_first_however_long_it_took_to_begin() -> None:
    patience = Patience()
    patience.reported(A, is_known=False)
    assert not patience.aged(A, 500.0) and not patience.aged(A, 499.0 + TELLS_S)
    assert patience.aged(A, 500.0 + TELLS_S) and patience.in_vain
    patience.reported(B, is_known=False)
    assert patience.key is None, "that is known of such jobs now"


def test_where_it_ends_another_is_waited_for_as_long() -> None:
    patience = Patience()
    patience.reported(A, is_known=False)
    patience.aged(A, 0.0)
    patience.leave(B)
    patience.leave(A)
    patience.reported(B, is_known=False)
    assert patience.key == B and not patience.aged(B, TELLS_S) and not patience.in_vain


def test_once_a_pace_is_known_nobody_is() -> None:
    patience = Patience()
    patience.reported(A, is_known=False)
    patience.reported(A, is_known=True)
    patience.reported(B, is_known=False)
    assert patience.key is None and not patience.aged(A, 10 * TELLS_S) and not patience.in_vain
