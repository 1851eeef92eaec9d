"""What a plan says of limits."""

from __future__ import annotations

from master.core.planning.plan import Job, Plan
from master.core.planning.resources import Resources
from master.core.planning.workers import notes_on_limits
from master.specs import ClusterSpec, ServerSpec
from worker_agent.protocol.terms import JobLimits

GB = 10**9


def plan(*limits: JobLimits | None) -> Plan:
    needs = [Resources(limits=each) if each else Resources() for each in limits]
    return Plan(tuple(Job(str(n), phase=2, resources=each) for n, each in enumerate(needs)), {})


def cluster(**bounds: JobLimits) -> ClusterSpec:
    return ClusterSpec(tuple(ServerSpec(name, name, limits=bound) for name, bound in bounds.items()))


def test_nothing_is_said_where_there_are_none() -> None:
    assert list(notes_on_limits(plan(None), cluster(a=JobLimits()))) == []


def test_jobs_servers_and_where_jobs_will_not_run() -> None:
    small, large = JobLimits(memory_bytes=GB), JobLimits(memory_bytes=32 * GB)
    servers = cluster(a=JobLimits(memory_bytes=16 * GB), b=JobLimits(memory_bytes=16 * GB), c=JobLimits())
    assert list(notes_on_limits(plan(small, small, large, None), servers)) == [
        "limits: 2 jobs may take memory 1 GB each",
        "limits: 1 job may take memory 32 GB each",
        "limits: any job on a, b may take memory 16 GB",
        "1 job may take more than a, b allows, and will not run there",
    ]


def test_many_kinds_are_counted() -> None:
    notes = list(notes_on_limits(plan(*(JobLimits(processes=n) for n in range(1, 7))), cluster()))
    assert notes[-1] == "limits: … and 3 more kinds" and len(notes) == 4
