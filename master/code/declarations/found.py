"""What was found of a script's flags."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from master.core.flags.declared import Flag, Takes

Named = tuple[str, Flag]
"""A name that a field may have, and what it means."""


@dataclass(frozen=True)
class Found:
    """The flags that one kind of declarations tells of."""

    flags: tuple[Named, ...] = ()
    doubts: tuple[str, ...] = ()
    """Why there may be more."""

    def by_name(self) -> dict[str, Flag]:
        """Return the flags by name; of those that are declared twice and differ no more than the name."""
        found: dict[str, Flag] = {}
        for name, flag in self.flags:
            known = found.setdefault(name, flag)
            if known != flag:
                found[name] = replace(_unread(known), target=known.target)
        return found


def _unread(flag: Flag) -> Flag:
    return Flag(flag.target, flag.spelling, Takes.UNKNOWN, joins=flag.joins)


def together(parts: Iterable[Found]) -> Found:
    """Return what several parts of a program tell."""
    all_parts = list(parts)
    return Found(
        tuple(named for part in all_parts for named in part.flags),
        tuple(dict.fromkeys(doubt for part in all_parts for doubt in part.doubts)),
    )
