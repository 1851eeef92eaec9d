"""Workers whose login shell is not a Bourne shell, or whose startup files lead elsewhere."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from master.adapters.remote_command import command_line, from_home_line
from tests.integration.ssh_place import Place, started
from tests.support.needs import missing

ODD = ("a!b", "c\\d\\\\e", "$HOME `x`", "it's", "x\ny!\n", "", "~", "*", "{a,b}", "\udcff\u00e9", "%s\\0101")
SHELLS = ("sh", "bash", "tcsh", "csh", "fish", "zsh")


def there(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        missing(f"{shell} is not installed: scripts/install-test-tools")
    return found


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_passes_every_word_on(shell: str) -> None:
    argv = ["printf", "%s|", *ODD]
    done = subprocess.run([there(shell), "-c", command_line(argv, "mark")], capture_output=True, check=True)
    assert done.stdout.decode("utf-8", "surrogateescape") == "".join(f"{word}|" for word in ODD)
    assert done.stderr.startswith(b"mark ")


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_starts_a_program_at_home(shell: str) -> None:
    line = f"{from_home_line('pwd')} -P"
    done = subprocess.run([there(shell), "-c", line], capture_output=True, check=True, cwd="/")
    assert Path(done.stdout.decode().strip()) == Path.home().resolve()


@pytest.mark.ssh
@pytest.mark.parametrize("start", ["cd $HOME && exec tcsh -f -c", "cd / && exec sh -c"])
def test_commands_and_files_find_the_home(tmp_path: Path, start: str) -> None:
    there("tcsh")
    own = f'Match all\n  ForceCommand {start} "$SSH_ORIGINAL_COMMAND"'
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("content")
    with started(tmp_path / "sshd", own) as sshd, Place(sshd).session() as session:
        code = "import os\nprint(os.getcwd() != '/', '!')"
        assert session.run(["python3", "-c", code]).stdout == b"True !\n"
        session.push(tmp_path / "tree", "~/deep/down")
        assert (sshd.home / "deep" / "down" / "file").read_text() == "content"
        session.pull("~/deep/down", tmp_path / "back", ["file"], 7)
    assert (tmp_path / "back" / "file").read_text() == "content"
