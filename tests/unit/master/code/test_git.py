"""Git is asked so that nothing in a folder's config is run."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from master.code.git import git_argv


def test_no_program_of_the_config_is_run() -> None:
    argv = git_argv(Path("/received"), "ls-files", "-z")
    assert argv[-4:] == ["-C", "/received", "ls-files", "-z"]
    settings = {word for before, word in pairwise(argv) if before == "-c"}
    assert settings == {"core.fsmonitor=false", "core.hooksPath=/dev/null"}
