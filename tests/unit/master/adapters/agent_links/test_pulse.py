"""A link that is quiet is asked for a sign of life, and given up where none comes."""

from __future__ import annotations

from master.adapters.agent_links.pulse import PING_S, SILENCE_S, Pulse
from worker_agent.protocol import messages as msg


class Watch:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_ping_is_due_where_nothing_was_heard_or_asked_for_a_while() -> None:
    watch = Watch()
    pulse = Pulse(watch)
    assert (pulse.wait_s, pulse.ping()) == (PING_S, b"")
    watch.now += PING_S
    assert pulse.wait_s == 0 and msg.decode(pulse.ping()) == msg.Ping(1)
    assert pulse.wait_s == PING_S and pulse.ping() == b""


def test_what_is_heard_puts_both_off() -> None:
    watch = Watch()
    pulse = Pulse(watch)
    watch.now += SILENCE_S
    pulse.heard()
    watch.now += PING_S / 2
    assert not pulse.is_silent and pulse.wait_s == PING_S / 2
    watch.now += SILENCE_S
    assert pulse.is_silent
