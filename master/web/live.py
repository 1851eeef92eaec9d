"""The WebSocket: says what has changed since a visitor last looked, also after a break."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect

from master.errors import TwophaseError
from master.web.logs.stream import LogStream
from master.web.page import Page

MOST_SOCKETS = 64
MOST_WATCHED = 300
BEAT_S = 10.0
GATHER_S = 0.2
"""What is written to a log meanwhile is told together."""
_LONGEST_ID = 1000
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """What a visitor wants to hear."""

    since: int
    watched: tuple[str, ...]
    log: str = ""
    """Of a job whose log is followed; empty: of none."""

    @classmethod
    def of(cls, message: Any) -> Asked:
        """Return what a message asks for.  Raises ValueError and the like."""
        since, watched, log = message["since"], message["watch"], message.get("log", "")
        if not isinstance(since, int) or isinstance(since, bool) or since < 0:
            raise ValueError("since")
        is_list = isinstance(watched, list) and len(watched) <= MOST_WATCHED
        if not is_list or not all(isinstance(each, str) for each in watched):
            raise ValueError("watch")
        if not isinstance(log, str) or len(log) > _LONGEST_ID:
            raise ValueError("log")
        return cls(since, tuple(watched), log)


class Live:
    """One for all visitors."""

    def __init__(self, page: Page) -> None:
        self._page, self._news = page, asyncio.Condition()
        self._sockets = 0

    async def follow(self) -> None:
        """Bring the picture of the run up to date, for ever."""
        watch = self._page.watch
        while True:
            try:
                found = await asyncio.to_thread(watch.look)
                before = watch.has_master
                told = await asyncio.to_thread(watch.master.ask_machines)
                # Both are taken in, whatever the first one says.
                if any([watch.take(found), watch.master.hear(told), before != watch.has_master]):
                    async with self._news:
                        self._news.notify_all()
            except TwophaseError:  # told by the next look that works; the page shows what it has
                _log.debug("a look that failed", exc_info=True)
            except Exception:  # without another look the page would show this moment for ever
                _log.exception("a look at the run that failed")
            await asyncio.sleep(watch.rest_s)

    @property
    def is_full(self) -> bool:
        """Whether so many look that nobody else can."""
        return self._sockets >= MOST_SOCKETS

    async def serve(self, socket: WebSocket, first: object) -> None:
        """Answer one visitor until he goes; `first` is what he has said on the socket, which is open."""
        if self.is_full:
            await socket.close(1013, "so many look already: the page asks again and again instead")
            return
        self._sockets += 1
        visit = Visit(self._page, socket, self._wait)
        try:
            await visit.serve(first)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            await socket.close(1007, "a message that is none")
        except (WebSocketDisconnect, RuntimeError):
            return  # he is gone
        finally:
            visit.close()
            self._sockets -= 1

    async def _wait(self) -> None:
        """Wait for what is new, or until a sign of life is due."""
        async with self._news:
            try:
                await asyncio.wait_for(self._news.wait(), BEAT_S)
            except asyncio.TimeoutError:
                return


class Visit:
    """One visitor."""

    def __init__(self, page: Page, socket: WebSocket, wait: Any) -> None:
        self._page, self._socket, self._wait = page, socket, wait
        self._log: LogStream | None = None
        self._wrote = asyncio.Event()

    def close(self) -> None:
        """Follow nothing for him any more."""
        if self._log:
            self._log.close()
            self._log = None

    async def serve(self, first: object) -> None:
        """Tell him what is new, of the run and of the log that he follows, until he goes."""
        asked = Asked.of(first)
        waits = {kind: asyncio.ensure_future(wait()) for kind, wait in self._kinds.items()}
        try:
            self._turn_to(asked.log)
            asked = await self._tell(asked)
            while True:
                await asyncio.wait(waits.values(), return_when=asyncio.FIRST_COMPLETED)
                done = {kind: waits[kind].result() for kind in waits if waits[kind].done()}
                if "asked" in done:
                    asked = Asked.of(done["asked"])
                    self._turn_to(asked.log)
                if "wrote" in done:
                    await self._tell_log()
                if done.keys() & {"asked", "news"}:
                    asked = await self._tell(asked)
                for kind in done:
                    waits[kind] = asyncio.ensure_future(self._kinds[kind]())
        finally:
            for each in waits.values():
                each.cancel()

    @property
    def _kinds(self) -> dict[str, Any]:
        return {"asked": self._socket.receive_json, "news": self._wait, "wrote": self._written}

    async def _tell(self, asked: Asked) -> Asked:
        told = self._page.changes(asked.since, asked.watched)
        await self._socket.send_json(told)
        return Asked(told["seq"], asked.watched, asked.log)

    def _turn_to(self, job_id: str) -> None:
        """Follow the log of a job, and of no other."""
        if self._log and self._log.job_id == job_id:
            return
        self.close()
        if job_id and job_id in self._page.model.jobs:
            loop = asyncio.get_running_loop()
            self._log = LogStream(self._page.watch.layout, job_id, partial(_wake, loop, self._wrote))

    async def _written(self) -> None:
        """Wait until there is something of the log to tell."""
        await self._wrote.wait()
        await asyncio.sleep(GATHER_S)
        self._wrote.clear()

    async def _tell_log(self) -> None:
        if self._log:
            await self._socket.send_json({"log": self._log.take()})


def _wake(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    """Set an event of another thread, if that has not ended."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(event.set)
