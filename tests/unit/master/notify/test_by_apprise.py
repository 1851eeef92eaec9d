"""The process that sends by apprise tells how it went, and no address."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from master.notify import by_apprise
from master.notify.by_apprise import work

apprise = pytest.importorskip("apprise")


class Address:
    """Stands for an address of a service."""

    def __init__(self, answer: bool | Exception) -> None:
        self.answer, self.got = answer, {}  # type: ignore[var-annotated]

    def url(self, *, privacy: bool) -> str:
        assert privacy
        return "ntfy://s3cr3t@host"

    def notify(self, **given: Any) -> bool:
        self.got = given
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def answers(monkeypatch: pytest.MonkeyPatch, addresses: list[Address], **message: str) -> list[Any]:
    monkeypatch.setattr(by_apprise, "_load", lambda path: (addresses, [2, None]))
    found: list[Any] = []
    work({"file": "told", "seconds": 5, **message}, found.append)
    return found


def test_a_look_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    address = Address(True)
    assert answers(monkeypatch, [address]) == [{"schemes": ["ntfy"], "bad_lines": [2, None]}]
    assert not address.got


def test_each_address_answers_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = [Address(True), Address(False), Address(ValueError("s3cr3t"))]
    head, *rest = answers(monkeypatch, addresses, title="t", text="x <b>")
    assert head["schemes"] == ["ntfy"] * 3 and sorted(rest) == [[1, True], [2, False], [3, False]]
    assert addresses[0].got == {"title": "t", "body": "x <b>", "body_format": apprise.NotifyFormat.TEXT}


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_what_apprise_does_not_understand_is_told_by_its_line(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "to ld?x"
    path.write_text("# mine\njson://me:s3cr3t@127.0.0.1:9/x\nwrong\n")
    logger = logging.getLogger("apprise")
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "propagate", False)
    found: list[Any] = []
    work({"file": str(path), "seconds": 5}, found.append)
    assert found == [{"schemes": ["json"], "bad_lines": [3]}]
