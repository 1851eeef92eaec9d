"""For every test: default signals, patience with slow machines, an SSH server on loopback, and a Slurm."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.support.needs import UnavailableError, missing
from tests.support.room_times import RoomTimes
from tests.support.slurm import LocalSlurm
from tests.support.slurm_packages import slurm_programs
from tests.support.sshd import LoopbackSshd
from tests.support.watcher import watched

# Triton decides when it is first imported, by whatever test, whether its kernels run in its interpreter.
os.environ["TRITON_INTERPRET"] = "1"

# A busy machine makes an example slow, not wrong.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")

# What trainers prepare is not to reach the cache of whoever runs the tests.
os.environ["TWOPHASE_PREPARED_CACHE"] = "off"


def pytest_configure(config: pytest.Config) -> None:
    """Tell each room's minutes at the end; undo what `nohup` or a shell's `&` passes on to all we start."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)
    config.pluginmanager.register(RoomTimes())


@pytest.fixture(scope="session")
def watched_paths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where pytest is killed, what has a path of its tests in a variable ends: agents over SSH, too."""
    watcher = watched(f"{tmp_path_factory.getbasetemp()}/")
    yield
    watcher.communicate(b"no need")


@pytest.fixture
def loopback_sshd(watched_paths: None, tmp_path: Path) -> Iterator[LoopbackSshd]:
    """A running sshd of the current user; its files and both homes are below `tmp_path / "sshd"`."""
    try:
        with LoopbackSshd(tmp_path / "sshd") as server:
            yield server
    except UnavailableError as error:
        missing(str(error))


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSlurm]:
    """A running Slurm of two nodes, which all tests of a run share: what one submits, it cancels."""
    try:
        with LocalSlurm(tmp_path_factory.mktemp("slurm"), slurm_programs()) as running:
            yield running
    except UnavailableError as error:
        missing(str(error))
