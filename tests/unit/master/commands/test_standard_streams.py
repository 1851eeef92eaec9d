"""Commands can print whatever they were started with."""

from __future__ import annotations

import io
import os
import sys

import pytest

from master.commands.standard_streams import make_usable


def test_a_character_that_a_terminal_lacks_is_written_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    make_usable()
    print("µ", end="", flush=True)
    assert raw.getvalue() == b"\\xb5"


def test_a_stream_of_another_kind_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.StringIO()
    monkeypatch.setattr(sys, "stdout", text)
    make_usable()
    assert sys.stdout is text


def test_descriptors_that_are_closed_are_opened_on_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    real = os.fstat

    def fstat(number: int) -> os.stat_result:
        if number == 1:
            raise OSError(9, "Bad file descriptor")
        return real(number)

    monkeypatch.setattr(os, "fstat", fstat)
    monkeypatch.setattr(os, "open", lambda path, flags: (opened.append(path), 1)[1])
    monkeypatch.setattr(os, "set_inheritable", lambda number, to: opened.append(f"{number} {to}"))
    make_usable()
    assert opened == [os.devnull, "1 True"]
