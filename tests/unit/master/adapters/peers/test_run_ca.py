"""The authority of one start of the master."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from master.adapters.peers.run_ca import RunAuthority
from worker_agent.protocol.artefacts.peering import Peering, certificate_name


@pytest.fixture(scope="module")
def authority() -> RunAuthority:
    return RunAuthority()


def certificate(peering: Peering) -> x509.Certificate:
    return x509.load_pem_x509_certificate(peering.certificate.encode())


def test_a_certificate_is_for_one_worker_by_whatever_name(authority: RunAuthority) -> None:
    name = "lab-é" + 200 * "x"
    names = certificate(authority.peering(name)).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert [item.value for item in names.value] == [certificate_name(name)]


def test_a_worker_is_told_the_same_again_and_others_are_told_others(authority: RunAuthority) -> None:
    first, again, other = (authority.peering(name) for name in ("lab1", "lab1", "lab2"))
    assert first == again
    assert first.key != other.key and first.certificate != other.certificate
    assert first.authority == other.authority


def test_the_authority_vouches_for_its_own_workers_alone(authority: RunAuthority) -> None:
    mine, foreign = authority.peering("lab1"), RunAuthority().peering("lab1")
    ours = x509.load_pem_x509_certificate(mine.authority.encode())
    certificate(mine).verify_directly_issued_by(ours)
    with pytest.raises(InvalidSignature):
        certificate(foreign).verify_directly_issued_by(ours)


def test_a_worker_cannot_vouch_for_others(authority: RunAuthority) -> None:
    kinds = certificate(authority.peering("lab1")).extensions
    assert not kinds.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not kinds.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_openssl_takes_key_and_certificate(authority: RunAuthority, tmp_path: Path) -> None:
    peering = authority.peering("lab1")
    (tmp_path / "own.pem").write_text(peering.certificate + peering.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_cert_chain(tmp_path / "own.pem")
    context.load_verify_locations(cadata=peering.authority)
    assert len(context.get_ca_certs()) == 1


def test_clocks_may_be_apart(authority: RunAuthority) -> None:
    valid = certificate(authority.peering("lab1"))
    assert valid.not_valid_before_utc.year == 1950, "before a clock that begins with 1970"
    assert valid.not_valid_after_utc.year == 9999


def test_no_text_of_it_tells_a_key(authority: RunAuthority) -> None:
    peering = authority.peering("lab1")
    assert "PRIVATE" in peering.key and "PRIVATE" not in f"{authority!r}{peering!r}"
