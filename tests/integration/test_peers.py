"""Real agents that take artefacts from each other, with a master who says who feeds whom."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from master.adapters.peers.chunking import chunks_of
from master.adapters.peers.run_ca import RunAuthority
from tests.integration.agent_harness import PYTHON, ROOT, Host, Master
from worker_agent.peers.addresses import own_addresses
from worker_agent.protocol import messages as msg
from worker_agent.protocol.artefacts.fetching import Fetched, FetchFailed, Source
from worker_agent.protocol.artefacts.peering import (
    CHUNK_BYTES,
    Chunks,
    Received,
    Serve,
    ServeFailed,
    Serving,
    Take,
)
from worker_agent.protocol.digests import content_hash, digest_directory

pytestmark = pytest.mark.skipif(not own_addresses({}), reason="no other machine can reach this one")


class Lab:
    """Workers of one run, each with a disk of its own."""

    def __init__(self, root: Path) -> None:
        self.root, self.authority, self.hosts = root, RunAuthority(), list[Host]()
        self.model = root / "model"
        (self.model / "layers").mkdir(parents=True)
        (self.model / "config.json").write_text("{}")
        (self.model / "layers" / "w.pt").write_bytes(bytes(range(256)) * (3 * CHUNK_BYTES // 256) + b"end")
        self.name = content_hash(digest_directory(self.model))
        chunks = chunks_of(self.model)
        assert chunks
        self.chunks: Chunks = chunks

    def worker(self, name: str, *, met: bool = True) -> tuple[Host, Master]:
        host = Host(self.root / name)
        self.hosts.append(host)
        master = host.connect()
        assert master.welcome.facts.peers
        if met:
            master.send(self.authority.peering(name))
        return host, master

    def serve(self, source: Master, transfer: int, *takers: str) -> Serving:
        source.send(Serve(self.name, transfer, list(takers), self.chunks, 30.0))
        found = source.wait(lambda item: isinstance(item, Serving) and item.transfer == transfer)
        assert isinstance(found, Serving) and set(found.addresses) <= set(source.welcome.facts.peers)
        return found

    def take(self, taker: Master, source: str, place: Serving) -> None:
        taker.send(Take(self.name, place.transfer, source, place.addresses, place.port, self.chunks))

    def content(self, host: Host) -> dict[str, bytes]:
        folder = host.work().cached(self.name)
        return {
            str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path)
    yield made
    for host in made.hosts:
        host.close()


def answer(master: Master) -> Any:
    return master.wait(lambda item: isinstance(item, (Fetched, FetchFailed)))


def test_a_chain_streams_what_is_still_being_sent_to_its_head(lab: Lab) -> None:
    (head_host, head), (middle_host, middle), (tail_host, tail) = (lab.worker(f"lab{n}") for n in range(3))
    first = lab.serve(head, 1, "lab1")
    lab.take(middle, "lab0", first)
    second = lab.serve(middle, 2, "lab2")
    lab.take(tail, "lab1", second)
    incoming, whole = head_host.work().incoming("r1", lab.name), (lab.model / "layers" / "w.pt").read_bytes()
    (incoming / "layers").mkdir(parents=True)
    (incoming / "config.json").write_text("{}")
    under_way = incoming / "layers" / ".w.pt.Ab12Cd"
    under_way.write_bytes(whole[: CHUNK_BYTES + 99])
    tail_incoming = tail_host.work().incoming("r1", lab.name) / "layers" / "w.pt"
    _await(lambda: tail_incoming.exists() and tail_incoming.stat().st_size >= CHUNK_BYTES - 2)
    under_way.write_bytes(whole)
    under_way.rename(incoming / "layers" / "w.pt")
    head.send(msg.Delivered(lab.name))
    for transfer, taker in ((1, middle), (2, tail)):
        found = answer(taker)
        assert (found.source, found.transfer) == (Source.PEER, transfer), found
    assert any(isinstance(item, Received) for item in tail.seen)
    for host in (middle_host, tail_host):
        assert lab.content(host) == {"config.json": b"{}", "layers/w.pt": whole}


def test_jobs_use_what_a_peer_has_sent(lab: Lab) -> None:
    (source_host, source), (_, taker) = lab.worker("lab0"), lab.worker("lab1")
    target = source_host.work().incoming("r1", lab.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    lab.model.rename(target)
    source.send(msg.Delivered(lab.name))
    code = "import os; print(os.path.getsize('in/layers/w.pt'), os.access('in/layers/w.pt', os.W_OK))"
    taker.launch("a", code, mounts=[{"at": "in", "artefact": lab.name}])
    taker.wait(lambda item: isinstance(item, msg.Wanted))
    lab.take(taker, "lab0", lab.serve(source, 1, "lab1"))
    assert answer(taker).source == Source.PEER
    assert taker.finished("a").outcome == "succeeded"


def test_a_source_that_is_gone_is_told_and_the_master_sends_it(lab: Lab) -> None:
    (source_host, source), (taker_host, taker) = lab.worker("lab0"), lab.worker("lab1")
    place = lab.serve(source, 1, "lab1")
    source_host.close()
    began = time.monotonic()
    lab.take(taker, "lab0", place)
    failed = answer(taker)
    assert (
        isinstance(failed, FetchFailed) and failed.transfer == 1 and "lab0 cannot send it" in failed.problem
    )
    assert time.monotonic() - began < 5.0
    shutil.copytree(lab.model, taker_host.work().incoming("r1", lab.name), dirs_exist_ok=True)
    taker.send(msg.Delivered(lab.name))
    _await(lambda: taker_host.work().cached(lab.name).is_dir())


def test_an_agent_that_has_met_nobody_neither_serves_nor_takes(lab: Lab) -> None:
    _, agent = lab.worker("lab0", met=False)
    agent.send(Serve(lab.name, 1, ["lab1"], lab.chunks, 30.0))
    assert "peers" in agent.wait(lambda item: isinstance(item, ServeFailed)).problem
    agent.send(Take(lab.name, 2, "lab1", ["192.0.2.77"], 40_000, lab.chunks))
    assert "peers" in answer(agent).problem


def test_an_agent_that_meets_nobody_does_not_load_tls() -> None:
    code = "import sys, worker_agent.runtime.assembly as agent, worker_agent.peers.addresses as own; "
    code += "own.own_addresses(); sys.exit('ssl' in sys.modules)"
    subprocess.run([PYTHON, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_the_key_is_nowhere_on_the_worker(lab: Lab) -> None:
    host, agent = lab.worker("lab0")
    lab.serve(agent, 1, "lab1")
    agent.leave()
    secret = lab.authority.peering("lab0").key.splitlines()[1].encode()
    files = [path for path in host.state_dir.rglob("*") if path.is_file()]
    assert files and not any(secret in path.read_bytes() for path in files)


def _await(is_so: Any) -> None:
    for _ in range(1500):
        if is_so():
            return
        threading.Event().wait(0.02)
    raise AssertionError("it does not come to that")
