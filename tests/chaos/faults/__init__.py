"""The kinds of faults, by what they hit; `KINDS` has them all."""

from tests.chaos.faults import disks, head, journal, links, processes, rot
from tests.chaos.faults.kinds import KINDS, Kind

__all__ = ["KINDS", "Kind", "disks", "head", "journal", "links", "processes", "rot"]
