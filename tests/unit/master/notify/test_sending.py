"""What is said of those who are told, and of what cannot be."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from master.errors import ConfigError
from master.notify import sending
from master.notify.messages import Message
from master.notify.sending import Known, check_can_be_sent, deliver, look, who
from master.specs import ClusterSpec, NotifySpec

SPEC = NotifySpec("told")
MESSAGE = Message("end", "title", "text", {"exit_code": 0})


def says(monkeypatch: pytest.MonkeyPatch, *lines: Any) -> None:
    monkeypatch.setattr(sending, "_by_apprise", lambda spec, request, seconds: list(lines))


def test_apprise_is_asked_for_by_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        ConfigError, match=r"addresses need the package apprise: pip install 'twophase\[notify\]'"
    ):
        check_can_be_sent(ClusterSpec((), notify=SPEC), "cluster.json")
    check_can_be_sent(ClusterSpec((), notify=NotifySpec(command=("sh",))), "cluster.json")
    check_can_be_sent(ClusterSpec(()), "cluster.json")


def test_a_command_must_be_there() -> None:
    cluster = ClusterSpec((), notify=NotifySpec(command=("no-such-program",)))
    with pytest.raises(
        ConfigError, match=r"cluster.json: notify.command: there is no program no-such-program"
    ):
        check_can_be_sent(cluster, "cluster.json")


def test_who_is_told_is_said_without_addresses() -> None:
    spec = NotifySpec("told", ("/home/me/tell", "secret"), ("end", "worker"))
    said = who(spec, Known(("json", "ntfys")))
    assert said == "2 addresses (json, ntfys) and the command tell, of the end, lost workers"
    assert who(NotifySpec("told", (), ()), Known()) == "nobody, of nothing"


def test_each_address_that_did_not_take_it_is_named_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, {"schemes": ["json", "ntfy", "mailto"], "bad_lines": []}, [1, True], [2, False])
    assert deliver(SPEC, MESSAGE, "here", 15) == [
        "address 2 (ntfy) did not take it",
        "address 3 (mailto) gave no answer in 15 s",
    ]


def test_a_file_that_is_not_understood_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, {"schemes": [], "bad_lines": [3, 3, None]})
    assert look(SPEC).problems == (
        "apprise does not understand line 3 of the file of addresses",
        "apprise does not understand a part of the file of addresses",
        "the file holds no address that apprise knows",
    )
    says(monkeypatch)
    assert look(SPEC).problems == ("apprise did not read the file of addresses: is it installed whole?",)
    assert look(NotifySpec(command=("true",))) == Known()
