"""The programs that look at a worker and receive the agent there, run by real interpreters."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from master.adapters.agent_deploy import (
    AgentBundle,
    build_agent,
    check_gpus,
    check_with_gpus,
    check_worker,
    deploy_agent,
    gpu_report,
)
from master.adapters.local_session import LocalSession
from master.adapters.session import Completed
from master.errors import RemoteError, WorkerUnusable
from master.specs import ServerSpec
from worker_agent.protocol.messages import Settings


class Counting(LocalSession):
    """Counts the processes that it runs."""

    runs = 0

    def run(self, *given: Any, **more: Any) -> Completed:
        self.runs += 1
        return super().run(*given, **more)


def test_the_agent_arrives_once_readable_by_its_owner_alone(tmp_path: Path) -> None:
    bundle = build_agent()
    with LocalSession() as session:
        assert not check_worker(session, bundle, sys.executable, str(tmp_path), rsync=False).has_agent
        assert list(tmp_path.iterdir()) == []
        path = Path(deploy_agent(session, bundle, sys.executable, str(tmp_path), rsync=False))
        assert path.read_bytes() == bundle.data
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        before = path.stat()
        deploy_agent(session, bundle, sys.executable, str(tmp_path), rsync=False)
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
        compiled = f"{path.name}.{sys.implementation.cache_tag}.zip"
        assert sorted(entry.name for entry in path.parent.iterdir()) == [path.name, compiled], (
            "at the second visit"
        )


def test_modules_in_the_home_directory_are_not_taken_for_pythons_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json", "hashlib", "tempfile"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not mine')")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with LocalSession() as session:
        deploy_agent(session, build_agent(), sys.executable, str(tmp_path / "state"), rsync=False)
        assert check_worker(
            session, build_agent(), sys.executable, str(tmp_path / "state"), rsync=False
        ).has_agent
        assert gpu_report(session, build_agent(), sys.executable)["gpus"] is not None


def test_an_agent_that_was_tampered_with_is_replaced(tmp_path: Path) -> None:
    bundle = build_agent()
    with LocalSession() as session:
        path = Path(deploy_agent(session, bundle, sys.executable, str(tmp_path), rsync=False))
        path.write_bytes(b"something else")
        deploy_agent(session, bundle, sys.executable, str(tmp_path), rsync=False)
        assert path.read_bytes() == bundle.data


def test_bytes_that_are_not_what_was_sent_never_get_the_name(tmp_path: Path) -> None:
    bundle = AgentBundle("0" * 64, b"half an agent")
    with LocalSession() as session, pytest.raises(RemoteError, match="did not arrive whole"):
        deploy_agent(session, bundle, sys.executable, str(tmp_path), rsync=False)
    assert not list(tmp_path.rglob("*.pyz*"))


def test_a_place_that_cannot_be_written_is_named_and_left_clean(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        LocalSession() as session,
        pytest.raises(WorkerUnusable, match=r"cannot write .*file.*set `state_dir`"),
    ):
        deploy_agent(session, build_agent(), sys.executable, str(tmp_path / "file"), rsync=False)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_missing_interpreter_is_named(tmp_path: Path) -> None:
    with LocalSession() as session, pytest.raises(WorkerUnusable, match="/no/such/python"):
        check_worker(session, build_agent(), "/no/such/python", str(tmp_path), rsync=False)


def test_an_old_interpreter_tells_its_version(tmp_path: Path) -> None:
    old = tmp_path / "old-python"
    old.write_text(
        f"#!{sys.executable}\n"
        "import os, shutil, sys\n"
        "del os.sched_getaffinity, shutil.which\n"
        "code, sys.argv, sys.version_info = sys.argv[3], sys.argv[4:], (3, 2, 6, 'final', 0)\n"
        "exec(code)\n"
    )
    old.chmod(0o755)
    with (
        LocalSession() as session,
        pytest.raises(WorkerUnusable, match=r"is Python 3\.2\.6; the agent needs 3\.8"),
    ):
        check_worker(session, build_agent(), str(old), str(tmp_path), rsync=False)


@pytest.mark.parametrize("host", ["localhost", "elsewhere"])
def test_one_process_tells_as_much_as_two(host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On this machine by what is installed, elsewhere by the archive."""
    (tmp_path / "json.py").write_text("raise SystemExit('not mine')")
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = Settings(gpus=["auto"])
    server = ServerSpec(host, host, state_dir=str(tmp_path / "state"), agent=settings)
    with Counting() as session:
        together = check_with_gpus(session, build_agent(), sys.executable, server)
        assert session.runs == 1
        rsync = host == "elsewhere"
        apart = check_worker(session, build_agent(), sys.executable, server.state_dir, rsync=rsync)
        assert together == (apart, check_gpus(session, build_agent(), sys.executable, server))


def test_a_problem_is_told_by_one_process_too(tmp_path: Path) -> None:
    settings = Settings(gpus=["auto"], cpu_slots=0)
    server = ServerSpec("localhost", "localhost", state_dir=str(tmp_path / "state"), agent=settings)
    with LocalSession() as session, pytest.raises(WorkerUnusable, match="cpu_slots is 0"):
        check_with_gpus(session, build_agent(), sys.executable, server)


def starts_from(path: Path) -> str:
    """Return the archive that an agent takes its modules from."""
    argv = [sys.executable, "-I", "-v", path, "--version"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("worker_agent ")
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("import 'worker_agent' #")]
    return line.split('"')[1].split("/worker_agent")[0].rstrip("/")


def deployed_twice(root: Path) -> tuple[Path, Path]:
    """Return the agent, and what was made of it at the second visit."""
    with LocalSession() as session:
        for _ in range(2):
            path = Path(deploy_agent(session, build_agent(), sys.executable, str(root), rsync=False))
    return path, Path(f"{path}.{sys.implementation.cache_tag}.zip")


def test_an_agent_starts_from_what_was_compiled_if_that_is_whole(tmp_path: Path) -> None:
    path, compiled = deployed_twice(tmp_path)
    assert starts_from(path) == str(compiled)
    assert stat.S_IMODE(compiled.stat().st_mode) == 0o600
    whole = compiled.read_bytes()
    compiled.write_bytes(whole[:5000] + b"x" + whole[5001:])
    assert starts_from(path) == str(path)
    compiled.write_bytes(whole)
    compiled.chmod(0o620)
    assert starts_from(path) == str(path), "others might have written it"
    compiled.unlink()
    assert starts_from(path) == str(path)


def test_a_compiled_agent_is_never_written_over(tmp_path: Path) -> None:
    """An agent that runs reads its modules from it as it needs them."""
    path, compiled = deployed_twice(tmp_path)
    before = compiled.stat()
    path.write_bytes(b"something else")
    deployed_twice(tmp_path)
    assert (compiled.stat().st_ino, compiled.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert len(list(path.parent.iterdir())) == 2, "nothing half done is left"
