"""Who a worker is to the others."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from master.adapters.peers.run_ca import RunAuthority
from worker_agent.peers.identity import identity, is_of
from worker_agent.protocol.artefacts.peering import certificate_name


@pytest.fixture(scope="module")
def authority() -> RunAuthority:
    return RunAuthority()


def test_both_ends_ask_for_certificates_and_the_newest_tls(authority: RunAuthority) -> None:
    made = identity(authority.peering("lab1"))
    for context in (made.serving, made.taking):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.minimum_version is ssl.TLSVersion.TLSv1_3
        assert len(context.get_ca_certs()) == 1, "nobody else vouches"


def test_the_key_is_in_no_file(
    authority: RunAuthority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = len(list(Path("/dev/fd").iterdir()))
    identity(authority.peering("lab1"))
    assert not list(tmp_path.iterdir()) and len(list(Path("/dev/fd").iterdir())) == before


@pytest.mark.parametrize("field", ["authority", "certificate", "key"])
@pytest.mark.parametrize("text", ["", "SECRET", "-----BEGIN PRIVATE KEY-----\nSECRET\n", "x" * 1_000_000])
def test_texts_that_are_no_certificates_are_refused_without_being_told(
    authority: RunAuthority, field: str, text: str
) -> None:
    before = len(list(Path("/dev/fd").iterdir()))
    with pytest.raises((OSError, ValueError)) as refused:
        identity(replace(authority.peering("lab1"), **{field: text}))
    assert "SECRET" not in str(refused.value)
    assert len(list(Path("/dev/fd").iterdir())) == before, "no pipe stays"


def test_the_key_of_another_is_refused(authority: RunAuthority) -> None:
    with pytest.raises(OSError, match=r"\w"):
        identity(replace(authority.peering("lab1"), key=authority.peering("lab2").key))


class Tls:
    def __init__(self, *names: tuple[str, str]) -> None:
        self._names = names

    def getpeercert(self) -> Any:
        return {"subjectAltName": self._names} if self._names else None


def test_a_certificate_is_for_one_worker_alone() -> None:
    own, other = (("URI", certificate_name(name)) for name in ("lab1", "lab2"))
    certificates: list[Any] = [Tls(own), Tls(other), Tls(own, other), Tls(), Tls(("DNS", own[1]))]
    assert [is_of(tls, "lab1") for tls in certificates] == [True, False, False, False, False]
