"""When artefacts were hashed, and in which of them rot was found: what an agent knows of its cache."""

from __future__ import annotations

import time
from threading import Lock
from typing import Callable, Dict, Iterable, List, Optional, Set, Tuple


class Inspections:
    """May be used by several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """The clock counts seconds from anywhere."""
        self.clock = clock
        self._known: Set[str] = set()
        """What was hashed while this agent lived, be it when it came."""
        self._looked: Dict[str, float] = {}
        """When somebody last looked for rot …"""
        self._rot: Dict[str, Tuple[float, str]] = {}
        """… and when it was last found, and what was wrong."""
        self._looking: Dict[str, Lock] = {}

    def note_sound(self, name: str) -> None:
        """An artefact has come, and was hashed."""
        self._known.add(name)

    def note(self, name: str, problem: Optional[str]) -> None:
        """An artefact was looked at for rot; `problem` says what is wrong with it, None that it is sound."""
        self._known.add(name)
        self._looked[name] = self.clock()
        if problem:
            self._rot[name] = self._looked[name], problem

    def is_known(self, name: str) -> bool:
        """Return whether an artefact was hashed at all while this agent lived."""
        return name in self._known

    def is_due(self, name: str, every_s: float) -> bool:
        """Return whether nobody has looked for rot in the last `every_s` seconds."""
        since = self._looked.get(name)
        return since is None or self.clock() - since >= every_s

    def found(self, names: Iterable[str], since: float) -> List[str]:
        """Return in which artefacts rot was found since a time of the clock, in words."""
        return [
            f"artefact {name[:12]} was damaged on this worker, and is set aside: {self._rot[name][1]}"
            for name in sorted(names)
            if name in self._rot and self._rot[name][0] >= since
        ]

    def has_rotted(self, name: str) -> bool:
        """Return whether rot was ever found in an artefact."""
        return name in self._rot

    def one_at_a_time(self, name: str) -> Lock:
        """Return what keeps several threads from hashing the same."""
        return self._looking.setdefault(name, Lock())
