"""Another user of the same machine, who is there first: a real one, where root can make such."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.needs import missing

BOB, ALICE = 61_001, 61_002
"""Users need no entry in /etc/passwd to own files and to run programs."""
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A directory for everybody, such as /scratch."""
    if os.getuid() != 0:
        missing("only root can be other users")
    with tempfile.TemporaryDirectory(prefix="tp-users-", dir="/tmp") as made:
        path = Path(made)
        path.chmod(0o1777)
        yield path


BEGIN = """
import os, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from worker_agent.protocol.layout import StateLayout
from worker_agent.protocol.messages import Settings
from worker_agent.runtime.host_context import choose_work_dir
from worker_agent.protocol.private_directory import make_private
from worker_agent.system.sockets import connect, listen
os.setgroups([])
os.setgid({uid})
os.setuid({uid})
os.umask(0o002)
"""


def as_user(uid: int, code: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a program as a user, with our agent imported before: her Python may be another."""
    text = BEGIN.format(root=str(ROOT), uid=uid) + code
    environment = {"PATH": os.environ["PATH"], **env}
    argv = [sys.executable, "-I", "-c", text]
    return subprocess.run(argv, capture_output=True, text=True, env=environment, cwd="/", timeout=60)


PRIVATE = """
try:
    make_private(Path({path!r}))
except OSError as error:
    sys.exit(str(error))
"""
SOCKET = """
listener = listen(Path({path!r}))
assert connect(Path({path!r})) is not None
print(listener.getsockname())
"""
WORK_DIR = """
print(choose_work_dir(Settings(work_dir={path!r}), StateLayout(Path("/nowhere"), "lab1", "r1")))
"""


def test_a_directory_that_she_made_first_is_not_used(scratch: Path) -> None:
    assert as_user(ALICE, PRIVATE.format(path=str(scratch / "lab1"))).returncode == 0
    (scratch / "lab1").chmod(0o777)
    refused = as_user(BOB, PRIVATE.format(path=str(scratch / "lab1")))
    assert (refused.returncode, refused.stderr.strip()) == (1, f"{scratch}/lab1 belongs to another user")


def test_two_users_of_one_directory_get_one_each(scratch: Path) -> None:
    hers = as_user(ALICE, WORK_DIR.format(path=str(scratch))).stdout.strip()
    assert hers == f"{scratch}/lab1"
    assert as_user(ALICE, PRIVATE.format(path=hers)).returncode == 0
    assert as_user(BOB, WORK_DIR.format(path=str(scratch))).stdout.strip() == f"{scratch}/lab1-{BOB}"


def test_what_is_ours_she_cannot_enter_whatever_the_umask(scratch: Path) -> None:
    assert as_user(BOB, PRIVATE.format(path=str(scratch / "lab1"))).returncode == 0
    tried = as_user(ALICE, f"os.listdir({str(scratch / 'lab1')!r})")
    assert "PermissionError" in tried.stderr


def test_a_directory_for_sockets_that_she_made_is_passed_by(scratch: Path) -> None:
    path = scratch / f"twophase-{BOB}" / "x.sock"
    as_user(ALICE, f"os.mkdir({str(path.parent)!r}); os.chmod({str(path.parent)!r}, 0o777)")
    alone = as_user(BOB, SOCKET.format(path=str(path)))
    assert "must be a directory of yours with mode 700" in alone.stderr
    (scratch / "run").mkdir()
    os.chown(scratch / "run", BOB, BOB)
    (scratch / "run").chmod(0o700)
    found = as_user(BOB, SOCKET.format(path=str(path)), XDG_RUNTIME_DIR=str(scratch / "run"))
    assert found.stdout.strip() == f"{scratch}/run/twophase/x.sock", found.stderr
