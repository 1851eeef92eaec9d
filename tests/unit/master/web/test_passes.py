"""Who may see the page."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from master.errors import ConfigError
from master.web.passes import Passes, Role, cookie_name, passes_of

PASSES = Passes("u" * 43, "v" * 43)


def test_tokens_are_made_once_and_are_the_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    first = passes_of(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and passes_of(path) == first
    assert len(first.user) >= 43 and first.user != first.viewer
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "holds no tokens"),
        ("[]", "holds no tokens"),
        (json.dumps({"user": "a", "viewer": "b"}), "can be guessed"),
        (json.dumps({"user": "a" * 43, "viewer": "a" * 43}), "can be guessed"),
    ],
)
def test_a_file_of_something_else_is_refused(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=says):
        passes_of(path)


def test_a_file_that_others_may_read_and_a_link_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    passes_of(path)
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(OSError):
        passes_of(tmp_path / "link")
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="is not yours alone"):
        passes_of(path)


def test_a_token_tells_the_role() -> None:
    assert PASSES.role_of_token("u" * 43) is Role.USER
    assert PASSES.role_of_token("v" * 43) is Role.VIEWER
    assert [PASSES.role_of_token(wrong) for wrong in ("", "u" * 42, "ü")] == [None] * 3


def test_a_cookie_is_good_for_one_host_and_port_and_is_not_the_token() -> None:
    value = PASSES.cookie(Role.USER, "localhost:1")
    assert PASSES.role_of_cookie(value, "localhost:1") is Role.USER
    assert PASSES.role_of_cookie(PASSES.cookie(Role.VIEWER, "localhost:1"), "localhost:1") is Role.VIEWER
    assert PASSES.role_of_cookie(value, "localhost:2") is None
    assert PASSES.user not in value and PASSES.role_of_token(value) is None


@pytest.mark.parametrize(
    ("host", "name"),
    [("localhost:8642", "8642"), ("[::1]:8642", "8642"), ("[::1]", "80"), ("lab.example.org", "80")],
)
def test_the_cookies_name_carries_the_port(host: str, name: str) -> None:
    assert cookie_name(host) == f"twophase-{name}"
