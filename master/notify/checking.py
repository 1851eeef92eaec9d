"""Tells, before a run, whether people could be told of it."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from master.core.explaining.health import Finding, Health
from master.errors import ConfigError
from master.intake.secrets.notify import with_notify
from master.notify.messages import Message
from master.notify.sending import check_can_be_sent, deliver, look, who
from master.specs import ClusterSpec, NotifySpec

TEST = "test"
"""The event of a message that is sent to see whether it comes."""
_CURE = "mend `notify`: docs/notify.md tells how"


def findings_of(cluster: ClusterSpec, source: str, *, test: bool) -> tuple[Finding, ...]:
    """Tell whether those whom a cluster config names could be told, and with `test` tell them something."""
    try:
        told = with_notify(cluster, None, source)
        check_can_be_sent(told, source)
    except ConfigError as error:
        return (Finding("settings", Health.BROKEN, str(error)),)
    return tuple(_findings(told.notify, source, test=test)) if told.notify else ()


def _findings(spec: NotifySpec, source: str, *, test: bool) -> Iterator[Finding]:
    known = look(spec)
    yield Finding("settings", Health.GOOD, who(spec, known))
    problems = deliver(spec, _test_message(), source) if test else known.problems
    yield from (Finding("sending", Health.BROKEN, text, _CURE) for text in problems)
    if test and not problems:
        yield Finding("sending", Health.GOOD, "a test message was taken by all")


def _test_message() -> Message:
    return Message(TEST, "a test of notify", f"twophase doctor on {socket.gethostname()} sends this.")
