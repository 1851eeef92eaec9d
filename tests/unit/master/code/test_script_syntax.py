"""A script that no worker can run is refused; one that a newer Python may take is warned about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from master.code import script_syntax
from master.code.script_syntax import check_syntax
from master.errors import ConfigError
from master.specs import ServerSpec

HERE, OWN = ServerSpec("localhost", "localhost"), ServerSpec("localhost", "localhost", python="/opt/python")
LAB = ServerSpec("lab1", "lab1")


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return tmp_path / "train.py"


@pytest.mark.parametrize("servers", [[HERE], [LAB], [OWN, LAB, HERE]])
@pytest.mark.parametrize(
    "text",
    [
        "print('fine')\n",
        "",
        "# coding: latin-1\nname = 'é'\n",
        "#!/usr/bin/env python\r\nimport re\r\nre.compile('\\d')\r\n",
        "\ufeffimport torch\n",
        "match 3:\n    case 3:\n        pass\n",
    ],
)
def test_a_script_that_parses_is_fine(script: Path, servers: list[ServerSpec], text: str) -> None:
    script.write_text(text, encoding="latin-1" if "latin-1" in text else "utf-8", newline="")
    assert check_syntax(script, servers) == ""


@pytest.mark.parametrize(
    "content",
    [
        b"print 'hello'\n",
        b"exec 'x'\n",
        b"def f():\nreturn 1\n",
        b"if True:\n\tx = 1\n        y = 2\n",
        b"  x = 1\n",
        b"name = '\xff'\n",
        b"a\x00b\n",
    ],
)
@pytest.mark.parametrize("servers", [[HERE], [LAB], [OWN]])
def test_what_no_python_takes_is_refused(script: Path, content: bytes, servers: list[ServerSpec]) -> None:
    script.write_bytes(content)
    with pytest.raises(ConfigError, match=r"train\.py: (line \d: )?does not parse as Python 3\.") as caught:
        check_syntax(script, servers)
    assert caught.value.exit_code == 3


NEWER = "import sys\nlazy import torch\n"


def test_what_a_newer_python_may_take_is_a_warning(script: Path) -> None:
    script.write_text(NEWER)
    for servers in ([LAB], [HERE, LAB], [OWN]):
        said = check_syntax(script, servers)
        assert said.startswith(f"{script}: line 2: does not parse as Python 3.")
        assert said.endswith("; on a worker whose Python is not newer all jobs will fail")


def test_what_this_python_does_not_take_is_refused_where_all_workers_use_it(script: Path) -> None:
    script.write_text(NEWER)
    with pytest.raises(
        ConfigError, match=r"train\.py: line 2: does not parse as Python 3\..*: invalid syntax"
    ):
        check_syntax(script, [HERE, HERE])


def test_a_name_of_a_character_may_be_known_to_a_newer_python(script: Path) -> None:
    script.write_text("smile = '\\N{FACE THAT NOBODY HAS DRAWN YET}'\n")
    assert "unknown Unicode character name" in check_syntax(script, [LAB])


def test_what_is_not_called_python_is_left_alone(tmp_path: Path) -> None:
    script = tmp_path / "train.sh"
    script.write_text("#!/bin/sh\nexec ./train if fi\n")
    assert check_syntax(script, [HERE]) == ""


def raising(error: Exception) -> Callable[..., None]:
    def compile_(*_: object, **__: object) -> None:
        raise error

    return compile_


@pytest.mark.parametrize("error", [RecursionError(), MemoryError()])
def test_what_is_too_deep_only_perhaps_is_left_to_the_workers(
    script: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    script.write_text("x = 1\n")
    monkeypatch.setattr(script_syntax, "compile", raising(error), raising=False)
    assert check_syntax(script, [HERE]) == ""


def test_older_pythons_complain_of_a_zero_byte_in_their_own_way(
    script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.write_bytes(b"a\x00b")
    said = ValueError("source code string cannot contain null bytes")
    monkeypatch.setattr(script_syntax, "compile", raising(said), raising=False)
    with pytest.raises(ConfigError, match="cannot contain null bytes"):
        check_syntax(script, [LAB])


def test_a_script_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.py").mkdir()
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        check_syntax(tmp_path / "train.py", [HERE])
