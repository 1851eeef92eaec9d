"""The routes of the API, over a run that a journal tells of."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from master.errors import NoMaster, TwophaseError
from master.storage.run_layout import RunLayout
from master.web.api.activation_files import FOLDER
from tests.unit.master.web.api.conftest import ASKED, FakeJobs, reported
from tests.unit.master.web.api.features.test_tables import write

GIVEN: dict[str, Any] = {"layer_idx": 6, "activation_data_path": "acts.parquet"}


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_every_answer_is_there_with_and_without_a_prefix(prefix: str, client: TestClient) -> None:
    assert client.get(f"{prefix}/health").json() == {"status": "healthy", "model_loaded": False}
    assert client.get(f"{prefix}/sae/status").json() == {"status": "idle"}
    assert client.get(f"{prefix}/features").json() == {"features": [], "total": 0, "hasMore": False}
    assert client.get(f"{prefix}/sae/training/jobs").json()["total"] == 3
    assert client.post(f"{prefix}/cache/clear", json={}).json()["cache_stats"]["prepared_cache_size"] is None


def test_a_training_becomes_a_job(client: TestClient, jobs: FakeJobs) -> None:
    told = client.post("/api/sae/train", json=GIVEN).json()
    ((fields, inputs),) = jobs.submitted
    assert set(told) == {"success", "job_id", "message", "output_dir"} and told["success"] is True
    assert (fields["id"], fields["prefix"]) == (told["job_id"], "sae")
    assert told["output_dir"] == f"experiments/sae/{told['job_id']}"
    assert fields["activation_path"] == f"{FOLDER}/activations.parquet" and set(inputs) == {FOLDER}
    found = client.get(f"/sae/training/status/{told['job_id']}").json()
    assert (found["status"], found["config"]) == ("starting", {**ASKED.config(fast=False), "max_epochs": 100})


def test_a_fast_one_by_the_query_alone(client: TestClient, jobs: FakeJobs) -> None:
    told = client.post("/sae/train-fast", params={**GIVEN, "latent_dim": "16384"}).json()
    assert told["mode"] == "fast" and jobs.submitted[0][0]["latent_dim"] == 8192
    assert client.get("/sae/training/jobs").json()["total"] == 4


def test_data_of_the_workers(client: TestClient, jobs: FakeJobs) -> None:
    client.post("/sae/train", json={**GIVEN, "activation_data_path": "data/set/x.npy"})
    assert jobs.submitted[0][0]["activation_path"] == "data/set/x.npy" and not jobs.submitted[0][1]


WRONG = [
    (b"{", 422, "body: it is no JSON"),
    (b"[]", 422, "body: it is no object"),
    (b"[" * 100_000, 422, "no JSON"),
    (b"\xff", 422, "no JSON"),
    (b'{"layer_idx": NaN}', 422, "NaN is no number"),
    (b"{}", 422, "layer_idx: Field required"),
    (b'{"layer_idx": -1, "activation_data_path": "x"}', 422, "layer_idx: "),
    (b'{"layer_idx": 1, "latent_dim": 0, "activation_data_path": "x"}', 422, "latent_dim: "),
    (b'{"layer_idx": 1, "activation_data_path": "none"}', 400, "no file 'none'"),
    (b'{"layer_idx": 1, "activation_data_path": "/etc/passwd"}', 400, "activation_data_path: "),
    (b'{"layer_idx": 1, "output_dir": "../x", "activation_data_path": "x"}', 422, "output_dir: "),
]


@pytest.mark.parametrize("path", ["/sae/train", "/api/sae/train-fast"])
def test_what_cannot_be_trained(path: str, client: TestClient, jobs: FakeJobs) -> None:
    for body, status, says in WRONG:
        told = client.post(path, content=body)
        assert told.status_code == status and says in told.json()["error"], body[:80]
        assert isinstance(told.json()["detail"], list if status == 422 else str)
    assert jobs.submitted == [] and client.get("/sae/training/jobs").json()["total"] == 3


def test_what_is_said_twice_is_refused(client: TestClient) -> None:
    told = client.post("/sae/train", params={"layer_idx": 5}, json=GIVEN)
    assert told.status_code == 422 and "it stands twice" in told.json()["error"]


@pytest.mark.parametrize(
    ("error", "status"), [(NoMaster("no master is running"), 409), (TwophaseError("busy"), 503)]
)
def test_a_master_that_takes_nothing(
    error: TwophaseError, status: int, client: TestClient, jobs: FakeJobs
) -> None:
    jobs.refuses = error
    told = client.post("/sae/train", json=GIVEN)
    assert (told.status_code, told.json()["error"]) == (status, str(error))
    assert client.get("/sae/training/jobs").json()["total"] == 3


def test_where_a_training_stands(client: TestClient, jobs: FakeJobs) -> None:
    jobs.heard = reported(2, 1.0, 2.0)
    told = client.get("/api/sae/training/status/going").json()
    assert (told["status"], told["progress"]) == ("training", {"current_epoch": 2, "total_epochs": 4})
    assert told["metrics"]["reconstruction_loss"] == [2.0, 2.0]
    assert [each["status"] for each in client.get("/sae/training/jobs").json()["jobs"]] == [
        "completed",
        "training",
        "starting",
    ]


def test_a_completed_one_tells_what_its_log_has(client: TestClient, layout: RunLayout) -> None:
    result = layout.result("sae/done")
    result.mkdir(parents=True)
    (result / "train_log.jsonl").write_text('{"epoch": 1, "loss": 2.0}\n{"epoch": 2, "loss": 1.0}\n')
    told = client.get("/sae/training/status/done").json()
    assert told["metrics"]["train_loss"] == [2.0, 1.0]
    assert told["progress"] == {"current_epoch": 2, "total_epochs": 4}


def test_one_is_cancelled(client: TestClient, jobs: FakeJobs) -> None:
    told = client.delete("/sae/training/going").json()
    assert told == {"success": True, "message": "going: is cancelled"} and jobs.cancelled == ["sae/going"]


def test_what_nobody_knows(client: TestClient) -> None:
    for told in (
        client.get("/sae/training/status/none"),
        client.delete("/api/sae/training/none"),
        client.post("/sae/load-trained", json={"job_id": "none"}),
        client.get("/feature/layer_6_feature_0/details"),
    ):
        assert told.status_code == 404 and told.json()["error"] == told.json()["detail"]
    assert client.get("/sae/training/status/..%2F..%2Fetc").status_code == 404


def test_features_of_what_is_loaded(client: TestClient, layout: RunLayout) -> None:
    asked = {"job_id": "done"}
    told = client.post("/sae/load-trained", json=asked)
    assert told.status_code == 400 and "left no features.parquet" in told.json()["detail"]
    layout.result("sae/done").mkdir(parents=True)
    write(layout.result("sae/done"))
    assert client.post("/sae/load-trained", params=asked).json() == {
        "success": True,
        "message": "layer 6 is answered from done",
        "layer_idx": 6,
        "model_path": "experiments/sae/done/sae_layer_6.safetensors",
    }
    assert client.get("/sae/status").json() == {"status": "ready", "layerCount": 1, "featureCount": 3}
    page = client.get("/api/features", params={"limit": 1, "sortBy": "activation", "sortOrder": "asc"}).json()
    assert (page["total"], page["hasMore"], page["features"][0]["id"]) == (3, True, "layer_6_feature_0")
    assert client.get("/feature/layer_6_feature_0/details").json() == page["features"][0]
    assert client.get("/cache/stats").json()["cache_stats"]["feature_cache_misses"] == 2
    assert client.get("/health").json()["model_loaded"]


def test_what_is_not_completed_is_not_loaded(client: TestClient) -> None:
    told = client.post("/sae/load-trained", json={"job_id": "going"})
    assert told.status_code == 400 and "not completed but training" in told.json()["detail"]


def test_features_that_nobody_can_want(client: TestClient) -> None:
    wrong = ("limit=0", "limit=1001", "offset=-1", "sortBy=x", "sortOrder=up", "x=1", "layer_idx=a")
    for query in wrong:
        told = client.get(f"/features?{query}")
        assert told.status_code == 422 and "query" in told.json()["error"], query


def test_another_method_is_told_in_the_same_form(client: TestClient) -> None:
    assert client.get("/sae/train").status_code == 405
