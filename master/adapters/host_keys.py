"""Host keys: what known_hosts says about a name, and what to tell the user about a key that it does not hold.

Pure, with OpenSSH's rules: hashed names, patterns, several keys for one name, `@revoked`.
"""

from __future__ import annotations

import base64
import binascii
import enum
import hashlib
import hmac
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class HostKey:
    """A public key of a host."""

    kind: str
    """As in known_hosts, e.g. `ssh-ed25519`."""
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """`SHA256:…`, as `ssh-keygen -lf` prints it."""
        digest = base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")
        return f"SHA256:{digest}"


@dataclass(frozen=True)
class KnownKey:
    """A line of known_hosts that speaks of the host."""

    key: HostKey
    revoked: bool = False


class Verdict(enum.Enum):
    """What known_hosts says about the key that a host showed."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    REVOKED = "revoked"


def keys_for(name: str, lines: Iterable[str]) -> list[KnownKey]:
    """Return the keys that the lines of known_hosts files hold for `name` (`host` or `[host]:port`)."""
    found = (_known_key(name, line.split()) for line in lines)
    return [key for key in found if key is not None]


def _known_key(name: str, fields: list[str]) -> KnownKey | None:
    marker = fields.pop(0) if fields and fields[0].startswith("@") else ""
    if len(fields) < 3 or fields[0].startswith("#") or marker not in ("", "@revoked"):
        return None
    if not _names(fields[0].split(","), name):
        return None
    try:
        blob = base64.b64decode(fields[2], validate=True)
    except binascii.Error:
        return None
    return KnownKey(HostKey(fields[1], blob), revoked=bool(marker))


def _names(patterns: list[str], name: str) -> bool:
    if any(_matches(pattern[1:], name) for pattern in patterns if pattern.startswith("!")):
        return False
    return any(_matches(pattern, name) for pattern in patterns)


def _matches(pattern: str, name: str) -> bool:
    if not pattern.startswith("|1|"):
        # Brackets belong to `[host]:port` here and are no character class.
        return fnmatchcase(name, pattern.lower().replace("[", "[[]"))
    salt, _, digest = pattern[3:].partition("|")
    try:
        made = hmac.new(base64.b64decode(salt), name.encode(), hashlib.sha1).digest()
        return hmac.compare_digest(made, base64.b64decode(digest))
    except binascii.Error:
        return False


def judge(shown: HostKey, known: Iterable[KnownKey]) -> Verdict:
    """Return what the known keys of a host say about the one that it showed."""
    known = list(known)
    if any(entry.revoked and entry.key == shown for entry in known):
        return Verdict.REVOKED
    valid = [entry.key for entry in known if not entry.revoked]
    if shown in valid:
        return Verdict.KNOWN
    return Verdict.CHANGED if valid else Verdict.UNKNOWN


def explain(
    verdict: Verdict, name: str, shown: HostKey, known: Iterable[KnownKey], files: Sequence[str], scan: str
) -> str:
    """Return what is wrong with the key of `name` and which commands set it right.

    `files` are the known_hosts files, the user's first; `scan` is the command that prints the host's keys.
    """
    says = f"it shows {shown.kind} {shown.fingerprint}"
    user_file = shlex.quote(files[0])
    if verdict is Verdict.REVOKED:
        return f"the host key is marked as revoked: {says}"
    if verdict is Verdict.UNKNOWN:
        return (
            f"the host key is not in {files[0]}: {says}\n"
            f"compare that with what the machine's owner tells you, "
            f"then accept it with\n  {scan} >> {user_file}"
        )
    before = ", ".join(f"{entry.key.kind} {entry.key.fingerprint}" for entry in known if not entry.revoked)
    return (
        f"the host key has CHANGED: {says}, but known is {before} ({' or '.join(files)})\n"
        "someone may be listening in, or the machine was installed anew; "
        "once its owner confirms the new fingerprint, replace the key with\n"
        f"  ssh-keygen -f {user_file} -R {shlex.quote(name)} && {scan} >> {user_file}"
    )


def scan_command(hostname: str, port: int, *, alias: str | None = None, via: str | None = None) -> str:
    """Return the command that prints a host's keys, as `alias`, asked from the jump host `via`."""
    scan = f"ssh-keyscan -p {port} {shlex.quote(hostname)}"
    asked = scan if via is None else f"ssh {shlex.quote(via)} {shlex.quote(scan)}"
    return asked if alias is None else f"{asked} | sed {shlex.quote(f's/^[^ ]*/{alias}/')}"
