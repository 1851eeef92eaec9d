"""Which files hold secrets and are not copied as code: by name, by content, or as a config names them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

_SECRETS = (
    *(".env", ".env.*", ".netrc", ".pgpass", ".pypirc", ".htpasswd", "kaggle.json"),
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.ppk", "*.jks", "*.keystore", "*.kdbx"),
    *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"),
)
_NO_SECRETS = (".env.example", ".env.sample", ".env.template", ".env.dist")
_SECRET_FOLDERS = frozenset({".ssh", ".aws", ".gnupg", ".kube"})
_KEY_FILES = (b"-----BEGIN ", b"PuTTY-User-Key-File")

_YAML = frozenset({".yaml", ".yml"})
_DOCUMENTS = frozenset({".json"}) | _YAML
_CLUSTER_CONFIGS = tuple(f"cluster_config*{ending}" for ending in sorted(_DOCUMENTS))
_MOST_READ = 1 << 20
"""Of a file that may be a cluster config or hold addresses, bytes: neither is longer."""
_ADDRESS = re.compile(r"(?:[^#;:/]*=)?\s*[a-z][a-z0-9+.-]*://\S", re.IGNORECASE)
_ADDRESSES_IN_YAML = re.compile(r"^urls\s*:", re.MULTILINE)

_A_SECRET = "may hold a secret and is not copied; variables for jobs go into `env_from` or `env_file`"
_A_KEY = "holds a private key and is not copied; put it where jobs find it on the worker"
_A_CONFIG = "a cluster config may hold secrets and is not copied"
_ADDRESSES = (
    "only you may read it and it holds addresses, with passwords it may be, and is not copied;"
    " where it is data of jobs: `chmod go+r`"
)
NAMED = "a cluster config beside it names it as a file of secrets, and it is not copied"


def secret_in(path: Path) -> str:
    """Return why a file may hold a secret; empty where nothing says so."""
    if is_secret(path):
        return _A_SECRET
    if not path.is_file():
        return ""
    if _holds_a_key(path):
        return _A_KEY
    if is_cluster_config(path):
        return _A_CONFIG
    return _ADDRESSES if _holds_addresses(path) else ""


def is_secret(path: Path) -> bool:
    """Tell whether a file's name says that it holds a password or a private key."""
    name = path.name.lower()
    named = any(fnmatchcase(name, pattern) for pattern in _SECRETS)
    return (named and name not in _NO_SECRETS) or not _SECRET_FOLDERS.isdisjoint(path.parts[-3:-1])


def is_cluster_config(path: Path) -> bool:
    """Tell whether a file has the usual name of a cluster config, or lists `servers`, one with a `host`."""
    if path.suffix.lower() not in _DOCUMENTS:
        return False
    if any(fnmatchcase(path.name.lower(), pattern) for pattern in _CLUSTER_CONFIGS):
        return True
    text = _text(path)
    return "servers" in text and any("host" in server for server in _servers(_document(path, text)))


def named_by(config: Path) -> Iterator[Path]:
    """Yield the files of secrets that a cluster config names: addresses, and variables for jobs."""
    document = _document(config, _text(config))
    if not isinstance(document, dict):
        return
    notify = document.get("notify")
    given = [notify.get("addresses") if isinstance(notify, dict) else notify]
    given += [part.get("env_file") for part in (document, *_servers(document))]
    for name in given:
        if isinstance(name, str):
            with suppress(RuntimeError):  # a home directory that is not there
                yield config.parent / Path(name).expanduser()


def _servers(document: Any) -> Sequence[dict[str, Any]]:
    servers = document.get("servers") if isinstance(document, dict) else None
    return [each for each in servers if isinstance(each, dict)] if isinstance(servers, list) else ()


def _document(path: Path, text: str) -> Any:
    """Return what a file of JSON or YAML says; None where it is damaged, which who reads it tells."""
    try:
        return _yaml(text) if path.suffix.lower() in _YAML else json.loads(text)
    except (ValueError, RecursionError):
        return None


def _yaml(text: str) -> Any:
    import yaml  # few projects have such files, and a plan is to come at once

    try:
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ValueError from error


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(_MOST_READ).decode(errors="replace")
    except OSError:
        return ""  # who copies it says what is wrong


def _holds_a_key(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            begin = stream.readline(100)
    except OSError:
        return False  # who copies it says what is wrong
    return begin.startswith(_KEY_FILES) and (b"PRIVATE KEY" in begin or b"PuTTY" in begin)


def _holds_addresses(path: Path) -> bool:
    """Tell whether a file is in the form of those that `notify` takes, which nobody else may read."""
    if path.stat().st_mode & 0o077 or path.suffix == ".py":
        return False
    text = _text(path)
    if path.suffix.lower() in _YAML:
        return "://" in text and bool(_ADDRESSES_IN_YAML.search(text))
    lines = [line for line in map(str.strip, text.splitlines()) if line and line[0] not in "#;"]
    return bool(lines) and all(map(_ADDRESS.match, lines))
