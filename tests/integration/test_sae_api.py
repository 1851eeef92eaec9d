"""The API of trainings by a client that knows only its description, over a real run."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import numpy as np
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.integration.ssh_place import await_true
from tests.integration.test_web import served
from tests.support.runs import SCRIPTS, Run
from tests.unit.trainers.sae.data import activations

JOB_KEYS = {
    *("job_id", "status", "layer_idx", "output_dir", "config", "progress", "metrics", "created_at"),
}
TRAINING_KEYS = {"latest_checkpoint", "total_checkpoints"}
FEATURE_KEYS = {"id", "layer_idx", "sparsity", "top_tokens", "activation_strength"}
LONG = {"max_epochs": 20_000, "latent_dim": 32, "batch_size": 128, "num_workers": 1}
SHORT = {**LONG, "max_epochs": 3}
PATIENCE_S = 120.0


class Client:
    """Somebody who starts trainings."""

    def __init__(self, told: dict[str, Any]) -> None:
        url = urlsplit(told["url"])
        self.origin = f"{url.scheme}://{url.netloc}"
        self.headers = {
            "Authorization": f"Bearer {url.query.removeprefix('token=')}",
            "Origin": self.origin,
            "Content-Type": "application/json",
        }
        self.http = httpx2.Client(base_url=self.origin, headers=self.headers, timeout=60)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        answer = self.http.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def listen(self) -> ClientConnection:
        headers = {name: self.headers[name] for name in ("Authorization",)}
        return connect(
            f"{self.origin.replace('http', 'ws')}/ws", additional_headers=headers, origin=self.origin
        )

    def status(self, job_id: str) -> dict[str, Any]:
        return self.get(f"/api/sae/training/status/{job_id}")

    def until(self, job_id: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Ask until something holds of a training."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            told = self.status(job_id)
            if holds(told):
                return told
            assert time.monotonic() < deadline, told
            time.sleep(0.1)


def is_running(told: dict[str, Any]) -> bool:
    assert told["status"] in ("starting", "preparing", "training"), told
    return told["status"] == "training" and told["progress"]["current_epoch"] >= 1


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of activations, as the seed writes them and as a matrix."""
    import pyarrow
    from pyarrow import parquet

    folder = tmp_path_factory.mktemp("activations")
    rows = activations(512).numpy()
    np.save(folder / "x.npy", rows)
    columns = {
        "sample_id": list(range(512)),
        "token_pos": [0] * 512,
        "token_id": [number % 50 for number in range(512)],
        "activation": rows.astype(float).tolist(),
        "layer_idx": [6] * 512,
        "text_snippet": ["a </script> snippet"] * 512,
    }
    parquet.write_table(pyarrow.table(columns), folder / "acts.parquet")
    return folder


@dataclass
class Going:
    """A run of a script that waits for the file `end`, whose master may be killed."""

    run: Run
    masters: list[subprocess.Popen[str]]

    def start(self) -> None:
        """Begin, or go on."""
        self.masters.append(self.run.start("--retries", "0"))


@pytest.fixture
def going(tmp_path: Path) -> Iterator[Going]:
    servers = [{"host": "localhost", "gpus": 0, "cpu_slots": 3, "state_dir": str(tmp_path / "state")}]
    env = {
        "TWOPHASE_SLOT_DIR": str(tmp_path / "slots"),
        "TWOPHASE_AGENT_IDLE_S": "5",
        "TWOPHASE_PREPARED_CACHE": str(tmp_path / "prepared"),
        "OMP_NUM_THREADS": "1",
    }
    jobs = [{"id": "keeper", "folder": str(tmp_path), "number": 1, "seed": 1, "wicked": ""}]
    what = {"base_model": False, "jobs": jobs}
    found = Going(Run(tmp_path, servers, what, SCRIPTS / "train_wicked.py", env=env), [])
    found.start()
    try:
        await_true(lambda: "running" in found.run.states().values() or found.masters[0].poll() is not None)
        yield found
    finally:
        (tmp_path / "end").touch()
        for master in found.masters:
            print(master.communicate(timeout=120)[0])  # told where a test fails


@pytest.mark.slow
def test_a_client_of_the_description_alone(
    going: Going, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = going.run
    monkeypatch.setenv("TWOPHASE_PREPARED_CACHE", str(run.root / "prepared"))
    with served(run.layout.root, "--data-root", str(files)) as told, Client(told) as client:
        assert (
            client.get("/health") == client.get("/api/health") == {"status": "healthy", "model_loaded": False}
        )
        assert client.get("/sae/status") == {"status": "idle"}
        _trains_and_tells(client)
        _cancels(client)
        _fails(client)
        _shows_features(client)
        _refuses(client)
        caches = client.get("/cache/stats")
        assert caches["cache_stats"]["prepared_cache_misses"] >= 1
        assert client.http.post("/api/cache/clear").json()["cache_stats"]["prepared_cache_size"] == 0


def _trains_and_tells(client: Client) -> None:
    with client.listen() as socket:
        socket.send(json.dumps({"type": "ping"}))
        assert json.loads(socket.recv(timeout=10)) == {"type": "pong"}
        started = client.post(
            "/api/sae/train-fast",
            layer_idx=6,
            activation_data_path="acts.parquet",
            output_dir="mine",
            **SHORT,
        )
        job_id = started["job_id"]
        assert (started["success"], started["mode"]) == (True, "fast")
        assert started["output_dir"] == f"experiments/mine/{job_id}"
        assert client.status(job_id)["status"] in ("starting", "preparing", "training")
        said = []
        while not said or said[-1]["type"] not in ("training_completed", "training_failed"):
            said.append(json.loads(socket.recv(timeout=PATIENCE_S)))
    assert said[-1] == {
        "type": "training_completed",
        "job_id": job_id,
        "status": "completed",
        "mode": "fast",
    }
    progress = said[:-1]
    assert {each["type"] for each in progress} == {"training_progress"}
    assert [each["status"] for each in progress[:-1]] == ["training"] * (len(progress) - 1)
    assert [each["epoch"] for each in progress[:-1]] == [1, 2, 3]
    last = progress[-1]
    assert set(last) == {
        *("type", "job_id", "status", "epoch", "total_epochs", "progress", "metrics"),
        *("elapsed_time", "estimated_remaining"),
    }
    assert (last["status"], last["epoch"], last["total_epochs"], last["progress"]) == ("completed", 3, 3, 100)
    assert set(last["metrics"]) == {"train_loss", "reconstruction_loss", "sparsity_loss"}
    done = client.status(job_id)
    assert set(done) == {*JOB_KEYS, "training_mode", "model_path", "metadata_path", "completed_at"}
    assert (done["status"], done["training_mode"]) == ("completed", "fast")
    assert done["progress"] == {"current_epoch": 3, "total_epochs": 3}
    assert all(len(done["metrics"][name]) == 3 for name in done["metrics"])
    assert done["model_path"].endswith(f"{job_id}/sae_fast_layer_6.safetensors")


def _cancels(client: Client) -> None:
    job_id = client.post("/sae/train", layer_idx=6, activation_data_path="x.npy", **LONG)["job_id"]
    told = client.until(job_id, is_running)
    assert set(told) == JOB_KEYS | TRAINING_KEYS and told["metrics"]["train_loss"]
    answer = client.http.delete(f"/api/sae/training/{job_id}")
    assert answer.json()["success"] is True
    told = client.status(job_id)
    assert told["status"] == "cancelled" and set(told) == JOB_KEYS | {"cancelled_at"}
    loaded = client.http.post("/sae/load-trained", json={"job_id": job_id})
    assert loaded.status_code == 400 and "not completed but cancelled" in loaded.json()["detail"]


def _fails(client: Client) -> None:
    job_id = client.post("/sae/train", layer_idx=5, activation_data_path="acts.parquet", **SHORT)["job_id"]
    told = client.until(job_id, lambda told: told["status"] == "failed")
    assert set(told) == JOB_KEYS | {"error", "failed_at"} and "layer" in told["error"]


def _shows_features(client: Client) -> None:
    jobs = client.get("/sae/training/jobs")
    assert jobs["total"] == len(jobs["jobs"]) == 3
    (done,) = (each for each in jobs["jobs"] if each["status"] == "completed")
    loaded = client.http.post("/sae/load-trained", params={"job_id": done["job_id"]}).json()
    assert (loaded["success"], loaded["layer_idx"], loaded["model_path"]) == (True, 6, done["model_path"])
    assert client.get("/sae/status") == {"status": "ready", "layerCount": 1, "featureCount": 32}
    assert client.get("/health")["model_loaded"]
    page = client.get("/features", limit=5, sortBy="frequency")
    assert (page["total"], page["hasMore"], len(page["features"])) == (32, True, 5)
    shares = [each["sparsity"] for each in page["features"]]
    assert shares == sorted(shares, reverse=True) and shares[0] > 0
    first = page["features"][0]
    assert set(first) == FEATURE_KEYS and first["layer_idx"] == 6
    assert all(re.fullmatch(r"\d+", each["token"]) for each in first["top_tokens"]) and first["top_tokens"]
    assert client.get(f"/api/feature/{first['id']}/details") == first


def _refuses(client: Client) -> None:
    given = {"layer_idx": 6, "activation_data_path": "acts.parquet"}
    before = client.get("/sae/training/jobs")["total"]
    for more, status in (
        ({"layer_idx": -1}, 422),
        ({"latent_dim": 0}, 422),
        ({"output_dir": "../up"}, 422),
        ({"output_dir": "/etc"}, 422),
        ({"activation_data_path": "none.parquet"}, 400),
        ({"activation_data_path": "../acts.parquet"}, 400),
        ({"activation_data_path": "/etc/passwd"}, 400),
    ):
        answer = client.http.post("/api/sae/train", json={**given, **more})
        assert answer.status_code == status and answer.json()["error"], answer.text
    for path in ("/sae/training/status/none", "/api/feature/none/details"):
        assert client.http.get(path).status_code == 404
    assert client.http.delete("/sae/training/none").status_code == 404
    assert client.get("/sae/training/jobs")["total"] == before, "nothing is half done"


@pytest.mark.slow
def test_a_training_outlives_its_master(going: Going, files: Path) -> None:
    run = going.run
    with served(run.layout.root, "--data-root", str(files)) as told, Client(told) as client:
        asked = {**SHORT, "max_epochs": 60}
        job_id = client.post("/sae/train", layer_idx=6, activation_data_path="x.npy", **asked)["job_id"]
        client.until(job_id, is_running)
        os.kill(going.masters[0].pid, signal.SIGKILL)
        going.masters[0].wait()
        told_without = client.status(job_id)
        assert told_without["status"] == "training"
        answer = client.http.post("/sae/train", json={"layer_idx": 6, "activation_data_path": "x.npy"})
        assert answer.status_code == 409 and "no master is running" in answer.json()["detail"]
        going.start()
        client.until(job_id, lambda told: told["status"] == "completed")
        attempts = [item.attempt for item in run.transitions() if item.job_id.endswith(job_id)]
        assert max(attempts) == 1, "it was begun again"
        assert client.post("/sae/load-trained", job_id=job_id)["success"]
    with served(run.layout.root) as told, Client(told) as again:
        assert again.get("/sae/status")["featureCount"] == 32, "what is loaded outlives the server"
        assert again.status(job_id)["metrics"]["train_loss"]
