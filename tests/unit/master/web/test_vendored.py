"""What is others' in the page is what it says it is, and nothing else is there."""

from __future__ import annotations

import hashlib
import json

from master.web.app import STATIC

VENDOR = STATIC / "vendor"
LISTED = json.loads((VENDOR / "vendored.json").read_text())


def test_every_file_is_listed_with_its_digest() -> None:
    listed = {name: file["sha256"] for package in LISTED.values() for name, file in package["files"].items()}
    found = {path.name: path for path in VENDOR.iterdir() if path.name != "vendored.json"}
    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found.items()} == listed


def test_every_package_has_a_version_its_source_and_its_licence() -> None:
    for name, package in LISTED.items():
        assert package["version"] in package["from"] and package["from"].startswith(
            "https://registry.npmjs.org/"
        )
        assert package["licence"] == "MIT" and "MIT" in (VENDOR / f"{name}.LICENSE").read_text()
        first = (VENDOR / f"{name}.js").read_text()[:200]
        assert package["version"] in first, "the code says which version it is"


def test_nothing_names_another_host() -> None:
    for path in (*STATIC.glob("*.js"), *STATIC.glob("*.css"), *STATIC.glob("*.html")):
        assert "http://" not in path.read_text() and "https://" not in path.read_text(), path
