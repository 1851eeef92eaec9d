"""The WebSocket: says what has changed since a visitor last looked, also after a break."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect

from master.errors import TwophaseError
from master.web.page import Page

MOST_SOCKETS = 64
MOST_WATCHED = 300
BEAT_S = 10.0
_log = logging.getLogger(__name__)


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
                told = await asyncio.to_thread(watch.ask_machines)
                # Both are taken in, whatever the first one says.
                if any([watch.take(found), watch.hear(told), before != watch.has_master]):
                    async with self._news:
                        self._news.notify_all()
            except TwophaseError:  # told by the next look that works; the page shows what it has
                _log.debug("a look that failed", exc_info=True)
            await asyncio.sleep(watch.rest_s)

    async def serve(self, socket: WebSocket) -> None:
        """Answer one visitor until he goes."""
        if self._sockets >= MOST_SOCKETS:
            await socket.close(1013, "so many look already: the page asks again and again instead")
            return
        await socket.accept()
        self._sockets += 1
        try:
            await self._serve(socket)
        except (WebSocketDisconnect, RuntimeError):
            return  # he is gone
        except (ValueError, TypeError, LookupError):
            await socket.close(1007, "a message that is none")
        finally:
            self._sockets -= 1

    async def _serve(self, socket: WebSocket) -> None:
        since, watched = _asked(await socket.receive_json())
        hearing = asyncio.ensure_future(socket.receive_json())
        try:
            while True:
                told = self._page.changes(since, watched)
                await socket.send_json(told)
                since = told["seq"]
                news = asyncio.ensure_future(self._wait())
                await asyncio.wait({hearing, news}, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                if hearing.done():
                    since, watched = _asked(hearing.result())
                    hearing = asyncio.ensure_future(socket.receive_json())
        finally:
            hearing.cancel()

    async def _wait(self) -> None:
        """Wait for what is new, or until a sign of life is due."""
        async with self._news:
            try:
                await asyncio.wait_for(self._news.wait(), BEAT_S)
            except asyncio.TimeoutError:
                return


def _asked(message: Any) -> tuple[int, list[str]]:
    """Return since when, and of which jobs, a visitor wants to hear.  Raises ValueError and the like."""
    since, watched = message["since"], message["watch"]
    if not isinstance(since, int) or isinstance(since, bool) or since < 0:
        raise ValueError("since")
    is_list = isinstance(watched, list) and len(watched) <= MOST_WATCHED
    if not is_list or not all(isinstance(each, str) for each in watched):
        raise ValueError("watch")
    return since, watched
