"""Container workers for the tests of this directory; see `containers.py` for what they can do."""

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.e2e.containers import Lab, Worker, remove_left_overs
from tests.e2e.image import connect_engine, slurm_image, worker_image
from tests.e2e.slurm_cluster import SlurmCluster
from tests.support.needs import UnavailableError, missing


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[docker.DockerClient]:
    """A client of the docker engine, with the left-overs of dead test runs removed."""
    try:
        with connect_engine() as client:
            remove_left_overs(client)
            yield client
            # An interrupt may have hit a test while it removed its own.
            remove_left_overs(client)
    except UnavailableError as error:
        missing(str(error))


@pytest.fixture(scope="session", name="worker_image")
def worker_image_fixture(docker_engine: docker.DockerClient) -> str:
    """The tag of the workers' image."""
    try:
        return worker_image(docker_engine)
    except UnavailableError as error:
        missing(str(error))


@pytest.fixture(scope="module")
def slurm_cluster(
    docker_engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SlurmCluster]:
    """A cluster in containers, for all tests of a module: what one submits, it gives back."""
    try:
        directory = tmp_path_factory.mktemp("slurm") / "lab"
        with SlurmCluster(docker_engine, slurm_image(docker_engine), directory) as cluster:
            yield cluster
    except UnavailableError as error:
        missing(str(error))


@pytest.fixture
def lab(docker_engine: docker.DockerClient, worker_image: str, tmp_path: Path) -> Iterator[Lab]:
    """An empty lab; `lab.start(name)` adds a worker, `lab.client` is the head node's home."""
    with Lab(docker_engine, worker_image, tmp_path / "lab") as lab:
        yield lab


@pytest.fixture
def three_workers(lab: Lab) -> list[Worker]:
    """Three fresh workers of `lab`; the last has another user, home directory and sshd port."""
    workers = [lab.start("worker-1"), lab.start("worker-2"), lab.start("worker-3", user="other")]
    for worker in workers:
        worker.wait_ready()
    return workers
