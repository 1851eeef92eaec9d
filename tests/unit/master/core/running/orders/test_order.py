"""Orders as plain data."""

from __future__ import annotations

from typing import get_args

import pytest

from master.core.running.orders import order
from master.core.running.orders.order import ORDERS, By, CancelJobs, Ordered
from worker_agent.protocol.codec import plan_of

ANNA = By(1000, "anna", 7)


def test_every_kind_of_order_has_a_verb_and_can_be_read() -> None:
    assert set(ORDERS.values()) == (set(get_args(order.Order)) or {order.Order})
    for kind in ORDERS.values():
        assert plan_of(kind)


@pytest.mark.parametrize(("why", "signed"), [("", "by anna"), ("too slow", "by anna: too slow")])
def test_an_order_is_signed_with_who_and_why(why: str, signed: str) -> None:
    event = Ordered(0.0, ANNA, CancelJobs([]), why)
    assert (event.signed, event.verb) == (signed, "cancel")
