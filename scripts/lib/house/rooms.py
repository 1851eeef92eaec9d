"""The rooms of the house and their order: a room imports only from rooms of a lower storey."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase

STOREYS: tuple[tuple[str, ...], ...] = (
    ("worker_agent", "master", "trainers"),
    ("worker_agent.protocol", "worker_agent.system"),
    ("worker_agent.core",),
    ("worker_agent.executors",),
    ("worker_agent.devices", "worker_agent.cache", "worker_agent.limits", "worker_agent.peers"),
    ("worker_agent.attempts",),
    ("worker_agent.environment",),
    ("worker_agent.runtime",),
    ("worker_agent.__main__",),
    ("master.errors", "master.specs"),
    ("master.core",),
    ("master.core.planning",),
    ("master.core.running",),
    ("master.core.explaining", "master.core.results"),
    ("master.intake", "master.storage", "master.adapters"),
    ("master.code",),
    ("master.transfers",),
    ("master.runs",),
    ("master.view",),
    ("master.notify", "master.web", "master.client"),
    ("master.orchestrator",),
    ("master.commands",),
    ("master.verbs",),
    ("trainers.common",),
    ("trainers.*",),
)
"""From the ground up.  What stands on one storey does not import from its neighbours.

The first storey is what lies flat in a package: its version, and what the package is for.
"""

Arrows = Mapping[tuple[str, str], int]
"""(importing room, imported room) → imports."""


def storey_of(room: str) -> int | None:
    """Return how high a room lies; None for one that the order does not name."""
    for level, rooms in enumerate(STOREYS):
        if any(fnmatchcase(room, pattern) for pattern in rooms):
            return level
    return None


def room_of(name: str, folders: Collection[str]) -> str:
    """Return the room of a dotted name: what the order names, else the folder, two deep at most."""
    parts = name.split(".")
    prefixes = [".".join(parts[:length]) for length in (3, 2) if length <= len(parts)]
    named = (prefix for prefix in prefixes if any(prefix in rooms for rooms in STOREYS))
    return next(named, prefixes[-1] if prefixes and prefixes[-1] in folders else parts[0])


def between_rooms(imports: Iterable[tuple[str, str]], folders: Collection[str]) -> Arrows:
    """Count the imports that leave their room; each is (importing module, imported name)."""
    pairs = ((room_of(module, folders), room_of(name, folders)) for module, name in imports)
    return Counter(pair for pair in pairs if pair[0] != pair[1])


def upward(arrows: Arrows) -> Arrows:
    """Return the arrows that lead to the same storey or a higher one."""
    return {
        (source, target): count for (source, target), count in arrows.items() if not _down(source, target)
    }


def _down(source: str, target: str) -> bool:
    high, low = storey_of(source), storey_of(target)
    return high is None or low is None or low < high


def circles(arrows: Arrows) -> list[list[str]]:
    """Return the groups of rooms that can reach each other, each sorted."""
    rooms = sorted({room for arrow in arrows for room in arrow})
    reach = {room: _reachable(room, arrows) for room in rooms}
    groups = {frozenset(other for other in reach[room] if room in reach[other]) for room in rooms}
    return sorted(sorted(group) for group in groups if len(group) > 1)


def _reachable(start: str, arrows: Arrows) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        room = waiting.pop()
        for source, target in arrows:
            if source == room and target not in found:
                found.add(target)
                waiting.append(target)
    return found


def sorted_rooms(rooms: Iterable[str]) -> list[str]:
    """Sort rooms from the ground up; what the order does not name comes last."""
    return sorted(rooms, key=lambda room: (_height(room), room))


def _height(room: str) -> int:
    storey = storey_of(room)
    return len(STOREYS) if storey is None else storey
