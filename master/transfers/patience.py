"""How long transfers go on trying: until the link breaks, or the run closes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from master.transfers.remote import Remote
from master.transfers.retry import Pauses

Result = TypeVar("Result")


@dataclass(frozen=True)
class Patience:
    """Pauses between tries, which closing cuts short."""

    pauses: Pauses
    closing: threading.Event = field(default_factory=threading.Event)
    """Set when nothing is to be tried again any more."""

    def try_a_few_times(
        self, remote: Remote, work: Callable[[], Result], passing: tuple[type[Exception], ...]
    ) -> Result:
        """Return what `work` returns; try again after pauses what is `passing`, while the link holds."""
        for pause_s in self.pauses.few_s:
            try:
                return work()
            except passing:
                if not remote.connected or self.closing.wait(pause_s):
                    raise
        return work()
