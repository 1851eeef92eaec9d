"""The lock file has the versions of the constraints, with hashes, and none that is known to be harmful."""

from __future__ import annotations

import re
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s,;]+)", re.MULTILINE)
_COMPROMISED = {("lightning", "2.6.2"), ("lightning", "2.6.3")}


def pins(text: str) -> set[tuple[str, str]]:
    return {(name.lower(), version) for name, version in _PIN.findall(text)}


def test_every_package_has_hashes() -> None:
    text = (_ROOT / "requirements.lock").read_text()
    entries = re.split(r"\n(?=[A-Za-z0-9])", "\n" + text.partition("\n#     ")[2].partition("\n")[2])[1:]
    assert len(entries) > 100
    assert [entry.split("\n")[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert len(entries) == len(re.findall("^[A-Za-z0-9]", text, re.MULTILINE))


def test_versions_are_those_of_the_constraints() -> None:
    locked = pins((_ROOT / "requirements.lock").read_text())
    constrained = pins((_ROOT / "constraints.txt").read_text())
    assert constrained <= locked
    both = {name for name, _ in constrained}
    assert {pin for pin in locked if pin[0] in both} == constrained


def test_releases_that_were_compromised_are_nowhere() -> None:
    project = (_ROOT / "pyproject.toml").read_text()
    for name, version in _COMPROMISED:
        assert f"!={version}" in project and f"!={version}" in (_ROOT / "constraints.txt").read_text()
        assert (name, version) not in pins((_ROOT / "requirements.lock").read_text())
