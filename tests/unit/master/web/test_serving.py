"""Where the page is to be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.errors import UsageError
from master.web.passes import Role
from master.web.serving import Place, check_tls
from tests.unit.master.web.conftest import PASSES


def test_the_address_is_of_this_machine_unless_a_name_is_given() -> None:
    assert Place(8642).url(PASSES, Role.USER) == f"http://localhost:8642/?token={PASSES.user}"
    named = Place(1, "lab.example.org", Path("c"), Path("k"))
    assert named.url(PASSES, Role.VIEWER) == f"https://lab.example.org:1/?token={PASSES.viewer}"


def test_the_way_from_another_machine() -> None:
    assert Place(8642).tunnel.startswith("ssh -L 8642:localhost:8642 ") and "@" in Place(8642).tunnel


def test_tls_files_that_are_none_are_told_before_anybody_is_served(tmp_path: Path) -> None:
    (tmp_path / "cert").write_text("no certificate")
    with pytest.raises(UsageError, match="--tls-cert, --tls-key: they cannot be used"):
        check_tls(Place(1, "lab", tmp_path / "cert", tmp_path / "cert"))
    check_tls(Place(1))
