"""The message that carries what no file and no log may have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Dict


@dataclass(frozen=True)
class Secrets:
    """Variables of every job's environment that are in no file and no log: sent after each welcome."""

    type: ClassVar[str] = "secrets"
    values: Dict[str, str] = field(repr=False)
