"""What Prometheus collects."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from master.web.drawn.metrics import text
from master.web.run_watch import RunWatch
from tests.unit.master.web import conftest as page

run, watch = page.run, page.watch
Samples = dict[tuple[str, tuple[str, ...]], float]


def samples(watch: RunWatch) -> Samples:
    """Return what a Prometheus reads, by name and labels."""
    families = text_string_to_metric_families(text(watch).decode())
    told = [sample for family in families for sample in family.samples]
    return {
        (each.name, tuple(value for _, value in sorted(each.labels.items()))): each.value for each in told
    }


def test_jobs_are_counted_by_phase_and_state(watch: RunWatch) -> None:
    found = samples(watch)
    assert found["twophase_jobs", ("2", "failed")] == found["twophase_jobs", ("2", "running")] == 1
    assert (found["twophase_transitions_total", ()], found["twophase_master_up", ()]) == (8, 0)
    assert not any("worker" in name for name, _ in found), "nobody tells of machines"


def test_no_name_of_a_job_is_told_and_nothing_grows_with_them(watch: RunWatch) -> None:
    assert "alpha" not in text(watch).decode()
    before = len(samples(watch))
    watch.model.take([(n, 9.0, f"more{n}", "start", "running", 1, "w", "", None, "") for n in range(9, 999)])
    assert len(samples(watch)) == before
    assert samples(watch)["twophase_jobs", ("2", "running")] == 991


def test_machines_and_gpus_as_a_master_tells_them(watch: RunWatch) -> None:
    watch.master.machines = {"workers": [{"name": 'lab"1\n', "up": True, "slots": 4, "running": 3}]}
    gpus = [
        {"index": 0, "utilization_percent": 90.0, "used_bytes": 5, "total_bytes": 10},
        {"index": 1, "utilization_percent": None, "used_bytes": None, "total_bytes": None},
    ]
    watch.master.use = {'lab"1\n': {"gpus": gpus}}
    watch.master.time_left = {"experiments": {"low_s": 5.0, "high_s": 9.0}, "base_models": None}
    found, name = samples(watch), 'lab"1\n'
    assert (found["twophase_worker_slots", (name,)], found["twophase_worker_attempts", (name,)]) == (4, 3)
    assert found["twophase_gpu_utilization_percent", ("0", name)] == 90
    assert ("twophase_gpu_memory_bytes", ("1", name)) not in found
    assert (found["twophase_time_left_seconds", ("most",)], found["twophase_master_up", ()]) == (9, 1)


def test_a_machine_may_claim_a_gpu_twice_and_ever_so_many(watch: RunWatch) -> None:
    gpu = {"utilization_percent": 90.0, "used_bytes": 5, "total_bytes": 10}
    watch.master.machines = {"workers": [{"name": "lab1", "up": True, "slots": 4, "running": 3}]}
    watch.master.use = {"lab1": {"gpus": [{"index": n // 2, **gpu} for n in range(1000)]}}
    lines = [
        line for line in text(watch).decode().splitlines() if line.startswith("twophase_gpu_memory_bytes{")
    ]
    assert len(lines) == len(set(lines)) == 32
