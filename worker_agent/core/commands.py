"""What the core asks of the rest of the agent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Optional, Sequence, Union

from worker_agent.core.execution import Exit, Key
from worker_agent.protocol.artefacts.fetching import Fetched, FetchFailed
from worker_agent.protocol.artefacts.peering import Take
from worker_agent.protocol.digests import FileDigest
from worker_agent.protocol.events import Event
from worker_agent.protocol.messages import Launch, Pong, Rejected, Wanted
from worker_agent.protocol.outcome import BaseModelLeft, CheckpointLeft, LeftOut, Outcome
from worker_agent.protocol.reports import Released, Slots


@dataclass(frozen=True)
class Send:
    """Tell the master; nothing is lost where there is none."""

    message: Union[Wanted, Rejected, Fetched, FetchFailed, Released, Pong, Slots]


@dataclass(frozen=True)
class Record:
    """Spool an event; the master gets it until it acknowledges it."""

    event: Event


@dataclass(frozen=True)
class KeepLaunch:
    """Spool a launch before anything comes of it."""

    launch: Launch


@dataclass(frozen=True)
class KeepAck:
    """Spool that the events up to `seq` need not be sent again."""

    seq: int


@dataclass(frozen=True)
class KeepRelease:
    """Spool that the master needs the attempt no more."""

    key: Key


@dataclass(frozen=True)
class KeepVerdict:
    """Spool why an attempt is being stopped before anything comes of it: the next agent may see its end."""

    key: Key
    verdict: Outcome
    excess: str = ""
    """Which limit it was beyond, where that is why."""


@dataclass(frozen=True)
class Discard:
    """Delete the files of an attempt that the master needs no more."""

    key: Key
    succeeded: bool = False
    """No attempt will go on from it."""


@dataclass(frozen=True)
class Look:
    """Say whether the cache holds an artefact."""

    content_hash: str


@dataclass(frozen=True)
class Verify:
    """Hash an artefact: what was delivered, or what is in the cache already."""

    content_hash: str
    delivered: bool


@dataclass(frozen=True)
class Borrow:
    """Have an artefact from a cache on the same disk."""

    content_hash: str


@dataclass(frozen=True)
class TakeFrom:
    """Have an artefact from another worker, in the place of an earlier try to."""

    take: Take


@dataclass(frozen=True)
class LetGo:
    """Take an artefact from no other worker any more."""

    content_hash: str


@dataclass(frozen=True)
class Doubt:
    """Hash an artefact that looks as it should: something has gone wrong with it."""

    content_hash: str


@dataclass(frozen=True)
class Start:
    """Take the slot, check the cached artefacts once more, and start the attempt."""

    launch: Launch
    slot: str
    riders: Sequence[Launch] = ()
    """They train at once with it."""


@dataclass(frozen=True)
class Stop:
    """End a running attempt."""

    key: Key
    at_once: bool = False
    """It is not asked first."""
    grace_s: Optional[float] = None
    """Between the signals, where that is not for the settings to say."""


@dataclass(frozen=True)
class FreeSlot:
    """Let other runs and users have a slot."""

    slot: str


@dataclass(frozen=True)
class Drain:
    """Free a slot once its GPU's memory is free."""

    slot: str


@dataclass(frozen=True)
class Collect:
    """Digest what an attempt left."""

    launch: Launch
    exit: Exit
    stopped: bool = False
    """It did not end by itself."""

    @property
    def succeeded(self) -> bool:
        """Return whether the script did its part."""
        return self.exit.exit_code == 0 and not self.stopped


@dataclass(frozen=True)
class Leave:
    """End the agent and forget the run."""


Command = Union[
    Send,
    Record,
    KeepLaunch,
    KeepAck,
    KeepRelease,
    KeepVerdict,
    Discard,
    Look,
    Verify,
    Borrow,
    TakeFrom,
    LetGo,
    Doubt,
    Start,
    Stop,
    FreeSlot,
    Drain,
    Collect,
    Leave,
]


@dataclass(frozen=True)
class Collected:
    """What an attempt left."""

    problem: Optional[str] = None
    """Why the attempt has failed although its exit code says otherwise."""
    stderr_tail: str = ""
    files: List[FileDigest] = field(default_factory=list)
    empty_folders: List[str] = field(default_factory=list)
    executable: List[str] = field(default_factory=list)
    left_out: List[LeftOut] = field(default_factory=list)
    log: Optional[FileDigest] = None
    inline: Optional[Dict[str, str]] = None
    base_model: Optional[BaseModelLeft] = None
    checkpoint: Optional[CheckpointLeft] = None
    worker_fault: bool = False
    """The problem is the worker's, not the job's."""
    hole_bytes: int = 0
    """How much of the sizes of its files takes no room; looked at where output is limited."""
