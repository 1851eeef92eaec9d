"""Who may see the page: tokens in a file of the user's alone, and the cookies that stand for them."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from master.errors import ConfigError

TOKENS = "web_tokens.json"
"""In the private state of a run."""
_BYTES = 32
"""Of a token: 256 bits."""
_LEAST_LENGTH = 22
"""Of a token in a file: 128 bits in base 64."""
_LARGEST_FILE = 4096


class Role(str, Enum):
    """What a visitor may do."""

    USER = "user"
    """All that the user of the run may."""
    VIEWER = "viewer"
    """Look, and change nothing."""


@dataclass(frozen=True)
class Passes:
    """The secrets of one page."""

    user: str
    viewer: str

    def role_of_token(self, token: str) -> Role | None:
        """Return what a token allows; None for a wrong one."""
        return self._role(token, self.user, self.viewer)

    def role_of_cookie(self, value: str, host: str) -> Role | None:
        """Return what the value of a cookie allows where the browser knows us as `host`."""
        return self._role(value, self.cookie(Role.USER, host), self.cookie(Role.VIEWER, host))

    def cookie(self, role: Role, host: str) -> str:
        """Return the value of the cookie for `host` (with its port).

        Browsers send cookies to all ports of a machine: what another program there sees is good for this
        host and port alone, and is not the token.
        """
        key = self.user if role is Role.USER else self.viewer
        return hmac.new(key.encode(), f"{role.value}@{host}".encode(), hashlib.sha256).hexdigest()

    @staticmethod
    def _role(given: str, user: str, viewer: str) -> Role | None:
        # Both are compared, whatever the first says: the time tells nothing.
        is_user, is_viewer = _same(given, user), _same(given, viewer)
        return Role.USER if is_user else Role.VIEWER if is_viewer else None


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), known.encode())


def cookie_name(host: str) -> str:
    """Return the name of the cookie: pages on other ports of the same machine have their own."""
    return f"twophase-{host.rpartition(':')[2] if ':' in host.rpartition(']')[2] else '80'}"


def passes_of(path: Path) -> Passes:
    """Return the secrets in a file, made where there is none: mode 0600, the user's own.

    Raises ConfigError where others may read it, or it holds something else; OSError where it cannot be made.
    """
    if not path.exists():
        _make(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        found = os.fstat(stream.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise ConfigError(str(path), "", "is not yours alone: remove it, a new one is made")
        data = stream.read(_LARGEST_FILE)
    try:
        told = json.loads(data)
        passes = Passes(str(told["user"]), str(told["viewer"]))
    except (ValueError, LookupError, TypeError) as error:
        raise ConfigError(str(path), "", "holds no tokens: remove it, new ones are made") from error
    if min(len(passes.user), len(passes.viewer)) < _LEAST_LENGTH or passes.user == passes.viewer:
        raise ConfigError(str(path), "", "holds tokens that can be guessed: remove it, new ones are made")
    return passes


def _make(path: Path) -> None:
    fresh = {role.value: secrets.token_urlsafe(_BYTES) for role in Role}
    spare = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as stream:
            json.dump(fresh, stream)
        # Two pages may begin at once: the first one's tokens are both's.
        os.link(spare, path)
    except FileExistsError:
        pass
    finally:
        spare.unlink()
