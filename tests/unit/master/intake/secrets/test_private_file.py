"""Files that only their owner may read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from master.errors import ConfigError
from master.intake.secrets.private_file import check_private, refuse_others


def test_a_file_of_its_owner_alone_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("x")
    path.chmod(0o600)
    check_private(path, "the keys")
    path.chmod(0o604)
    with pytest.raises(ConfigError, match=r"keys: others may read it \(mode 0604\): `chmod 600 "):
        check_private(path, "the keys")


@pytest.mark.parametrize("mode", [0o640, 0o606, 0o601, 0o777])
def test_no_bit_is_left_to_others(mode: int) -> None:
    with pytest.raises(ConfigError, match="others may read it"):
        refuse_others(Path("keys"), mode)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "told", 0o600)
    with pytest.raises(ConfigError, match="the addresses must be in a file: this is none"):
        check_private(tmp_path / "told", "the addresses")


def test_what_is_no_file_is_refused() -> None:
    with pytest.raises(ConfigError, match="the keys must be in a file: this is none"):
        check_private(Path("/dev/null"), "the keys")
    with pytest.raises(ConfigError, match="the keys cannot be read: Is a directory"):
        check_private(Path("/"), "the keys")
