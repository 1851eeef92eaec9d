"""The words that the verbs about workers share."""

from __future__ import annotations

import argparse
import re
from datetime import datetime, timedelta

from master.commands.options.flag_types import time_limit

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Add the words that name workers."""
    named = "as the cluster config calls it: the host, with user@ and :port where that is needed"
    parser.add_argument("workers", nargs="+", metavar="WORKER", help=named)


def add_now(parser: argparse.ArgumentParser) -> None:
    """Add the option that frees workers at once."""
    now = "interrupt what runs there; it goes on elsewhere"
    parser.add_argument("--now", action="store_true", help=now)


def add_end(parser: argparse.ArgumentParser) -> None:
    """Add the options that say when a hold ends by itself."""
    end = parser.add_mutually_exclusive_group()
    for_so_long = "so long, then the worker is used again by itself (30m, 2h, 1d)"
    end.add_argument("--for", dest="seconds", type=time_limit, metavar="TIME", help=for_so_long)
    until = "until then, by the clock of this machine: the next 08:00, or 2026-12-24T18:00"
    end.add_argument("--until", type=moment, metavar="TIME", help=until)


def end_of(options: argparse.Namespace, now: datetime) -> float:
    """Return the Unix time at which a hold ends by itself; 0 where it does not."""
    if options.seconds is not None:
        return now.timestamp() + float(options.seconds)
    return options.until(now).timestamp() if options.until is not None else 0.0


class Moment:
    """A moment as a user writes it: a time of day is the next one, a date is itself."""

    def __init__(self, text: str) -> None:
        """Raises ValueError for what is neither."""
        self.text, clock = text, _CLOCK.fullmatch(text)
        self._clock = (int(clock[1]), int(clock[2])) if clock else None
        self._date = None if clock else datetime.fromisoformat(text)

    def __call__(self, now: datetime) -> datetime:
        """Return when it is, seen from `now`."""
        if self._date is not None or self._clock is None:
            return self._date or now
        hour, minute = self._clock
        today = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        return today if today > now else today + timedelta(days=1)


def moment(text: str) -> Moment:
    """Return a moment.  Raises ValueError, which argparse tells with the name of this type."""
    return Moment(text)


moment.__name__ = "time (08:00, or 2026-12-24T18:00)"
