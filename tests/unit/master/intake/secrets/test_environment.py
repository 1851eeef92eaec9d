"""Values that stand in no config, and are shown nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.errors import ConfigError
from master.intake.secrets.environment import parse_env_file, read_env_file, with_secrets
from master.specs import ClusterSpec, ServerSpec

SECRET = "s3cr3t-value"


def values(server: ServerSpec, **environ: str) -> dict[str, str]:
    (found,) = with_secrets(ClusterSpec((server,)), "cluster.json", environ).servers
    assert SECRET not in repr(found)
    return dict(found.secrets)


def env_file(folder: Path, text: str = f"TOKEN={SECRET}\n", mode: int = 0o600) -> Path:
    path = folder / "keys"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_name_becomes_its_value_here() -> None:
    server = ServerSpec("a", "a", env_from=("KEY", "EMPTY"))
    assert values(server, KEY=SECRET, EMPTY="", OTHER="x") == {"KEY": SECRET, "EMPTY": ""}
    assert values(ServerSpec("a", "a"), KEY=SECRET) == {}


def test_a_name_that_is_not_set_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"env_from.*KEY is not set here: `export KEY=…`"):
        values(ServerSpec("a", "a", env_from=("KEY",)))


def test_a_file_gives_what_the_environment_does_not(tmp_path: Path) -> None:
    path = env_file(tmp_path, f"TOKEN={SECRET}\nKEY=file\n")
    server = ServerSpec("a", "a", env_from=("KEY",), env_file=str(path))
    assert values(server, KEY="here") == {"TOKEN": SECRET, "KEY": "here"}


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigError, match=rf"mode 0{mode:o}\): `chmod 600 .*keys`"):
        list(read_env_file(env_file(tmp_path, mode=mode)))


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"`env_file` cannot be read: No such file"):
        list(read_env_file(tmp_path / "gone"))
    (tmp_path / "keys").write_bytes(b"A=\xff")
    (tmp_path / "keys").chmod(0o600)
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        list(read_env_file(tmp_path / "keys"))


def test_lines_are_assignments() -> None:
    text = "\n# note\nA=1\nexport B='two words'\nC=\"x#y\"\nD=\nE=a=b c\n  F=$HOME\r\n"
    assert dict(parse_env_file(text, "keys")) == {
        **{"A": "1", "B": "two words", "C": "x#y", "D": "", "E": "a=b c", "F": "$HOME"}
    }


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (SECRET, "line 2: must be NAME=value"),
        (f"A = {SECRET}", "no space before the ="),
        (f"A-B={SECRET}", "`A-B` is not a variable's name"),
        (f"TWOPHASE_X={SECRET}", "is set by the agent for each job"),
        (f"A='{SECRET}", "the value of A begins with ' and must end with the next one"),
        (f"A='{SECRET}'x'", "must end with the next one"),
        (f"A='{SECRET}' # note", "must end with the next one"),
        (f"KEY={SECRET}", "KEY is given twice"),
    ],
)
def test_what_is_no_assignment_is_told_without_its_value(line: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        list(parse_env_file(f"KEY=1\n{line}\n", "keys"))
    assert problem in str(caught.value) and SECRET not in str(caught.value)
