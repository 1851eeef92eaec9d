"""The contract between a resident process and a trainer that trains several jobs at once.

Beside `thread_main(argv, environ, output) -> int` such a trainer gives, in its module `thread_main`,

    group_main(members: Sequence[Member]) -> None

A lone job is a group with one member.  A member whose own input is bad finishes with its own exit code and
message, and the others go on.  After an exception out of `group_main` those that have not finished are tried
again, each alone as a process.
"""

from __future__ import annotations

from typing import Callable, Mapping, Protocol, Sequence, TextIO

EXIT_CANCELLED = 130
"""What a member finishes with that was cancelled: the code of a shell for a program that Ctrl-C has ended."""


class Member(Protocol):
    """One job of a group."""

    @property
    def argv(self) -> Sequence[str]:
        """The flags of the job, as a process of its own would get them."""

    @property
    def environ(self) -> Mapping[str, str]:
        """The job's own environment; `ScriptContract.from_environ` reads it."""

    @property
    def directory(self) -> str:
        """Its working directory: files are opened by full path below it, the process stays where it is."""

    @property
    def output(self) -> TextIO:
        """Its own log."""

    def cancelled(self) -> bool:
        """Return whether it is to end; asked between steps or epochs: then `finish(EXIT_CANCELLED)`."""

    def finish(self, code: int) -> None:
        """Tell its exit code, once; what it wrote is whole before."""


GroupMain = Callable[[Sequence[Member]], None]
