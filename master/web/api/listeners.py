"""`/ws`: messages about trainings to all who listen; who asks for changes of the page's rows gets these."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect

from master.errors import TwophaseError
from master.web.api.hearing import LOOK_S
from master.web.api.messages import Message, Messages
from master.web.api.service import Api
from master.web.live import Live

MOST_LISTENERS = 64
MOST_WAITING = 1000
"""Messages that a listener has not taken; who is slower is let go."""
_log = logging.getLogger(__name__)
_Queue = asyncio.Queue[Message]


class Listeners:
    """One for all who listen."""

    def __init__(self, api: Api, live: Live) -> None:
        self._api, self._live = api, live
        self._queues: set[_Queue] = set()
        self._messages: Messages | None = None
        """None while nobody listens: then nobody asks the master either."""

    async def follow(self) -> None:
        """Tell what is new, for ever."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self._tell()
            except TwophaseError:  # the next look tells
                _log.debug("a look that failed", exc_info=True)
            except Exception:  # one look that cannot be is not the last one
                _log.exception("a look at trainings that failed")

    async def _tell(self) -> None:
        if not self._queues:
            self._messages = None
        elif self._messages is not None:
            for message in self._messages.news(await self._api.stands()):
                self._give(message)

    def _give(self, message: Message) -> None:
        for queue in list(self._queues):
            if queue.full():
                self._queues.discard(queue)
                queue.get_nowait()
                queue.put_nowait(_TOO_SLOW)
            else:
                queue.put_nowait(message)

    async def serve(self, socket: WebSocket) -> None:
        """Serve one visitor until he goes."""
        if self._live.is_full or len(self._queues) >= MOST_LISTENERS:
            await socket.close(1013, "so many listen already: try again later")
            return
        queue: _Queue = asyncio.Queue(MOST_WAITING)
        self._queues.add(queue)
        try:
            first = await self._listens(socket, queue)
        except (ValueError, LookupError, RecursionError):
            await socket.close(1007, "a message that is none")
            return
        except (WebSocketDisconnect, RuntimeError):
            return  # he is gone
        finally:
            self._queues.discard(queue)
        await self._live.serve(socket, first)

    async def _listens(self, socket: WebSocket, queue: _Queue) -> dict[str, Any]:
        """Tell a visitor of trainings until he asks for changes of rows; return what he asks."""
        if self._messages is None:
            messages = Messages()
            messages.begin(await self._api.stands())
            self._messages = self._messages or messages
        await socket.accept()
        sending = asyncio.create_task(_send(socket, queue))
        try:
            return await _until_it_asks(socket, queue)
        finally:
            sending.cancel()


_TOO_SLOW: Message = {"type": "error", "error": "too slow: connect again"}


async def _send(socket: WebSocket, queue: _Queue) -> None:
    while True:
        message = await queue.get()
        await socket.send_json(message)
        if message is _TOO_SLOW:
            await socket.close(1013, "too slow")
            return


async def _until_it_asks(socket: WebSocket, queue: _Queue) -> dict[str, Any]:
    """Answer pings; return the message that asks for changes of rows.  Raises ValueError for what is none."""
    while True:
        said = await socket.receive_json()
        if not isinstance(said, dict):
            raise ValueError("no object")
        if "since" in said:
            return said
        if said["type"] != "ping":
            raise ValueError("unknown")
        if not queue.full():
            queue.put_nowait({"type": "pong"})
