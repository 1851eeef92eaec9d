"""The image of the workers: a root file system by debootstrap, then the Dockerfile beside this module."""

import fcntl
import hashlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import docker.errors

from tests.support.needs import UnavailableError
from tests.support.ssh_home import program

RECIPE = Path(__file__).parent
REPOSITORY = "twophase-worker"
DEFAULT_MIRROR = "http://deb.debian.org/debian"


@contextmanager
def connect_engine() -> Iterator[docker.DockerClient]:
    """Yield a client of the docker engine; raise `UnavailableError` when none answers."""
    try:
        client = docker.from_env(timeout=60)
    except docker.errors.DockerException as error:
        raise UnavailableError(f"no docker engine answers ({error}): see docs/testing.md") from None
    try:
        yield client
    finally:
        client.close()


def worker_image(client: docker.DockerClient) -> str:
    """Return the tag of the workers' image, building what the engine does not hold of it."""
    root = f"{REPOSITORY}:root-{_digest('build-root')}"
    tag = f"{REPOSITORY}:{_digest('build-root', 'Dockerfile', 'sshd_config')}"
    with _one_at_a_time():
        if not _has_image(client, root):
            _import_root(client, root)
        if not _has_image(client, tag):
            client.images.build(path=str(RECIPE), tag=tag, buildargs={"root": root}, rm=True)
    return tag


def slurm_image(client: docker.DockerClient) -> str:
    """Return the tag of the image of a Slurm cluster's machines: the workers', with Debian's packages."""
    worker = worker_image(client)
    files = sorted(f"slurm/{path.name}" for path in (RECIPE / "slurm").iterdir())
    tag = f"{REPOSITORY}:slurm-{_digest('build-root', 'Dockerfile', 'sshd_config', *files)}"
    with _one_at_a_time():
        if not _has_image(client, tag):
            _build_slurm(client, worker, tag)
    return tag


def _build_slurm(client: docker.DockerClient, worker: str, tag: str) -> None:
    arguments = {"worker": worker, "mirror": _mirror()}
    try:
        # The engine's own network may not lead to the mirror that this machine uses.
        client.images.build(
            path=str(RECIPE / "slurm"), tag=tag, buildargs=arguments, network_mode="host", rm=True
        )
    except docker.errors.BuildError as error:
        raise UnavailableError(f"no image with Slurm from {_mirror()}: {error}") from None


def _digest(*names: str) -> str:
    content = b"\0".join((RECIPE / name).read_bytes() for name in names)
    return hashlib.sha256(content).hexdigest()[:16]


def _has_image(client: docker.DockerClient, tag: str) -> bool:
    try:
        client.images.get(tag)
    except docker.errors.ImageNotFound:
        return False
    return True


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    path = Path.home() / ".cache" / "twophase-tests" / "image.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _import_root(client: docker.DockerClient, tag: str) -> None:
    if os.getuid() != 0:
        raise UnavailableError(
            "only root can build the workers' image (debootstrap): run scripts/test once as root"
        )
    program("debootstrap")
    argv = [str(RECIPE / "build-root"), _mirror()]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as build:
        assert build.stdout is not None
        data = build.stdout.read()
    if build.returncode != 0:
        raise UnavailableError(f"debootstrap from {_mirror()} failed with exit code {build.returncode}")
    repository, _, name = tag.partition(":")
    client.api.import_image_from_data(data, repository=repository, tag=name)


def _mirror() -> str:
    """Return the Debian mirror that this machine's apt uses, else Debian's own."""
    argv = ["apt-get", "indextargets", "--format", "$(SITE) $(CODENAME)", "Created-By: Packages"]
    try:
        listed = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return DEFAULT_MIRROR
    sites = (line.split() for line in listed.splitlines())
    return next((site for site, codename in sites if codename == "bookworm"), DEFAULT_MIRROR)
