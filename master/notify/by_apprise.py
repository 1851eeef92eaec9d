"""A process of its own that sends one message to addresses, and tells of each how that went.

Its request, JSON on standard input: `file` in apprise's form, the `seconds` that it has, and `title` and
`text` of a message, or none of both to look at the file alone.  Its answer, lines of JSON: first
`{"schemes": […], "bad_lines": […]}`, then `[number, true or false]` for each address as soon as that is
known.  No address is ever printed.
"""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

_LINE = re.compile(r"\bline (\d+)")
_AT_ONCE = 8


class _Complaints(logging.Handler):
    """Counts what apprise does not understand, and where; its own words hold addresses."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[int | None] = []

    def emit(self, record: logging.LogRecord) -> None:
        found = _LINE.findall(record.getMessage())
        self.lines.append(int(found[-1]) if found else None)


def main() -> None:
    """Do what standard input asks for, then leave, whatever may still hang."""
    request = json.load(sys.stdin)
    signal.alarm(int(request["seconds"]) + 1)  # whoever started it may be gone by then
    work(request, lambda answer: print(json.dumps(answer), flush=True))
    os._exit(0)


def work(request: dict[str, Any], answer: Callable[[object], None]) -> None:
    """Load the addresses, and give them the message if there is one."""
    addresses, bad_lines = _load(request["file"])
    schemes = [address.url(privacy=True).partition("://")[0] for address in addresses]
    answer({"schemes": schemes, "bad_lines": bad_lines})
    if "text" in request and addresses:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for number, address in enumerate(addresses, 1):
                pool.submit(_give_and_answer, number, address, request, answer)


def _load(path: str) -> tuple[list[Any], list[int | None]]:
    import apprise

    complaints, logger = _Complaints(), logging.getLogger("apprise")
    logger.handlers, logger.propagate = [complaints], False
    config = apprise.AppriseConfig()
    config.add(f"file://{quote(path)}")
    every = apprise.Apprise()
    every.add(config)
    addresses = list(every)
    logger.handlers = [logging.NullHandler()]
    return addresses, complaints.lines


def _give_and_answer(
    number: int, address: Any, request: dict[str, Any], answer: Callable[[object], None]
) -> None:
    answer([number, _give(address, request)])


def _give(address: Any, request: dict[str, Any]) -> bool:
    import apprise

    try:
        form = apprise.NotifyFormat.TEXT
        return bool(address.notify(title=request["title"], body=request["text"], body_format=form))
    except Exception:
        return False


if __name__ == "__main__":
    main()
