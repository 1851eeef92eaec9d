"""What known_hosts says about a host."""

from __future__ import annotations

import base64

import pytest

from master.adapters.host_keys import (
    HostKey,
    KnownKey,
    Verdict,
    explain,
    judge,
    keys_for,
    scan_command,
)

ONE, TWO = HostKey("ssh-ed25519", b"one"), HostKey("ssh-rsa", b"two")


def line(names: str, key: HostKey, marker: str = "") -> str:
    return f"{marker} {names} {key.kind} {base64.b64encode(key.blob).decode()} a comment".strip()


@pytest.mark.parametrize(
    ("names", "name", "known"),
    [
        ("gpu1", "gpu1", True),
        ("gpu1,10.0.0.7", "10.0.0.7", True),
        ("GPU1", "gpu1", True),
        ("gpu1", "gpu12", False),
        ("gpu?", "gpu1", True),
        ("*.lab", "gpu1.lab", True),
        ("*.lab,!gpu1.lab", "gpu1.lab", False),
        ("[gpu1]:2222", "[gpu1]:2222", True),
        ("[gpu1]:2222", "gpu1", False),
        ("gpu1", "[gpu1]:2222", False),
        ("[*]:2222", "[gpu1]:2222", True),
        # As `ssh-keygen -H` writes `gpu1`, with the salt `0123456789abcdefghij`.
        ("|1|MDEyMzQ1Njc4OWFiY2RlZmdoaWo=|JShKmzNQHZqQmdbPcfIMin1Rkao=", "gpu1", True),
        ("|1|MDEyMzQ1Njc4OWFiY2RlZmdoaWo=|JShKmzNQHZqQmdbPcfIMin1Rkao=", "gpu2", False),
        ("|1|not base64|x", "gpu1", False),
    ],
)
def test_names_and_patterns(names: str, name: str, known: bool) -> None:
    assert bool(keys_for(name, [line(names, ONE)])) is known


def test_all_keys_of_a_host_are_found_and_the_rest_is_passed_over() -> None:
    lines = [
        "# gpu1 ssh-rsa AAAA",
        "",
        "gpu1 ssh-rsa",
        "gpu1 ssh-rsa not*base64",
        line("gpu1", ONE),
        line("other", TWO),
        line("gpu1", TWO),
        line("gpu1", ONE, "@cert-authority"),
        line("gpu1", TWO, "@revoked"),
    ]
    assert keys_for("gpu1", lines) == [KnownKey(ONE), KnownKey(TWO), KnownKey(TWO, revoked=True)]


@pytest.mark.parametrize(
    ("known", "verdict"),
    [
        ([], Verdict.UNKNOWN),
        ([KnownKey(ONE)], Verdict.KNOWN),
        ([KnownKey(TWO), KnownKey(ONE)], Verdict.KNOWN),
        ([KnownKey(TWO)], Verdict.CHANGED),
        ([KnownKey(ONE), KnownKey(ONE, revoked=True)], Verdict.REVOKED),
        ([KnownKey(TWO, revoked=True)], Verdict.UNKNOWN),
    ],
)
def test_the_verdict(known: list[KnownKey], verdict: Verdict) -> None:
    assert judge(ONE, known) is verdict


def test_the_fingerprint_is_that_of_openssh() -> None:
    blob = base64.b64decode("AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl")
    # GitHub publishes this key together with its fingerprint.
    assert HostKey("ssh-ed25519", blob).fingerprint == "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"


def test_the_story_of_a_key_that_is_not_known() -> None:
    story = explain(Verdict.UNKNOWN, "[gpu1]:2222", ONE, [], ["/my known"], scan_command("gpu1", 2222))
    assert ONE.fingerprint in story
    assert "ssh-keyscan -p 2222 gpu1 >> '/my known'" in story


def test_the_story_of_a_key_that_has_changed() -> None:
    known = [KnownKey(TWO)]
    story = explain(Verdict.CHANGED, "[gpu1]:2222", ONE, known, ["/k"], scan_command("gpu1", 2222))
    assert ONE.fingerprint in story
    assert TWO.fingerprint in story
    assert "ssh-keygen -f /k -R '[gpu1]:2222' && ssh-keyscan -p 2222 gpu1 >> /k" in story


def test_the_scan_runs_where_the_host_can_be_reached() -> None:
    scan = scan_command("gpu1", 22, alias="gpus", via="gate")
    assert scan == "ssh gate 'ssh-keyscan -p 22 gpu1' | sed 's/^[^ ]*/gpus/'"
