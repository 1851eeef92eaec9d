"""Logging in by SSH: which keys are offered, in which order, and what to tell the user when none is taken."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
from paramiko.auth_strategy import AuthSource, AuthStrategy, InMemoryPrivateKey
from paramiko.pkey import UnknownKeyType

from master.adapters.ssh_settings import Hop

_NO_PASSWORD = (
    "passwords and codes are never asked for: have keys allowed there (`PubkeyAuthentication` in sshd_config)"
)
_NO_SECOND_FACTOR = (
    "a second factor cannot be given: have this machine let in by its key alone, or give the command on a"
    " machine behind the one that asks, such as the login node"
)


class KeysOnly(AuthStrategy):
    """Logs in with the configured key files, then with the agent's keys.  Never with a password."""

    def __init__(self, hop: Hop) -> None:
        super().__init__(ssh_config=paramiko.SSHConfig())
        self._hop = hop
        self._skipped: list[str] = []
        self.tried: list[str] = []
        """Keys that were offered, as the user knows them."""
        self.no_answer = False
        """The server did not answer in time."""
        self.allowed: frozenset[str] = frozenset()
        """Ways to log in that the server named as it refused a key …"""
        self.wanted: tuple[str, ...] = ()
        """… or that it asks for in addition to the key that it took."""

    def authenticate(self, transport: paramiko.Transport) -> Any:
        """Try one key after the other.  Raises AuthFailure."""
        try:
            done = super().authenticate(transport)
        except paramiko.AuthenticationException as error:
            results = [result for _, result in getattr(error, "result", [])]
            self.no_answer = any("timeout" in str(result).lower() for result in results)
            named = (kind for result in results for kind in getattr(result, "allowed_types", ()))
            self.allowed = frozenset(map(str, named))
            raise
        if not transport.is_authenticated():
            # To the library a key that was taken is a success, whatever else the server wants.
            left: Any = done[-1].result
            self.wanted = tuple(map(str, left))
            raise paramiko.AuthenticationException(f"more is asked for: {', '.join(self.wanted)}")
        return done

    def get_sources(self) -> Iterator[AuthSource]:
        """Yield the keys in the order to try."""
        try:
            agent = paramiko.Agent()
        except (paramiko.SSHException, OSError) as error:
            self._skipped.append(f"the keys of ssh-agent: {error}")
            yield from self._from_files({})
            return
        try:
            in_agent = {key.asbytes(): key for key in agent.get_keys()}
            yield from self._from_files(in_agent)
            if not self._hop.identities_only:
                yield from (self._source(key, "agent") for key in in_agent.values())
        finally:
            agent.close()

    def _from_files(self, in_agent: dict[bytes, paramiko.AgentKey]) -> Iterator[AuthSource]:
        for path in self._hop.keys:
            if key := in_agent.pop(_public_blob(path), None) or self._load(path):
                yield self._source(key, path)

    def _source(self, key: paramiko.PKey, origin: str) -> AuthSource:
        self.tried.append(f"{key.get_name()} {key.fingerprint} ({origin})")
        return InMemoryPrivateKey(self._hop.user, key)

    def _load(self, path: str) -> paramiko.PKey | None:
        try:
            return paramiko.PKey.from_path(path)
        except FileNotFoundError:
            return None
        except (paramiko.PasswordRequiredException, TypeError):
            # TypeError: what the library under paramiko raises for a missing passphrase.
            self._skipped.append(f"{path} has a passphrase: ssh-add {path}")
        except (paramiko.SSHException, UnknownKeyType, ValueError, OSError) as error:
            self._skipped.append(f"{path} cannot be read: {error}")
        return None

    def story(self) -> str:
        """Return what was tried and what the user can do."""
        tried = "".join(f"\n  tried {key}" for key in self.tried)
        skipped = "".join(f"\n  skipped: {note}" for note in self._skipped)
        hop = self._hop
        where = f"{hop.hostname}:{hop.port}"
        if self.wanted:
            more = ", ".join(self.wanted)
            taken = f"{where} takes the key of user {hop.user} and then asks for more ({more})"
            return f"{taken}{tried}\n{_NO_SECOND_FACTOR}"
        if self.allowed and "publickey" not in self.allowed:
            ways = ", ".join(sorted(self.allowed))
            return f"{where} lets nobody in by a key, only by {ways}{tried}\n{_NO_PASSWORD}"
        copy = ["ssh-copy-id", *(["-i", hop.keys[0]] if hop.destination.key else []), "-p", str(hop.port)]
        refused = "refuses every key" if self.tried else "was offered no key"
        return (
            f"{where} {refused} for user {hop.user}{tried}{skipped}\n"
            f"copy a key there with: {' '.join(copy)} {hop.user}@{hop.hostname}"
        )


def _public_blob(path: str) -> bytes:
    try:
        return base64.b64decode(Path(f"{path}.pub").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return b""
