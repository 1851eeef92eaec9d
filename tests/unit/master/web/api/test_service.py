"""What the API answers beyond its routes, which are in test_routes.py."""

from __future__ import annotations

import asyncio

import pytest

from master.web.api.service import Api
from master.web.run_watch import RunWatch
from tests.unit.master.web.api.conftest import ASKED, FakeJobs, reported


@pytest.fixture
def api(watch: RunWatch, jobs: FakeJobs) -> Api:
    return Api(watch, jobs)


def test_where_trainings_stand_with_what_they_said(api: Api, jobs: FakeJobs) -> None:
    jobs.heard = reported(2, 1.0, 2.0)
    stands = asyncio.run(api.stands())
    assert [each.training.id for each in stands] == ["done", "going", "waiting"]
    assert [each.status for each in stands] == ["completed", "training", "starting"]
    assert [each.epoch for each in stands[1].reports] == [1, 2]


def test_no_two_trainings_have_one_name(api: Api, jobs: FakeJobs) -> None:
    asked = ASKED.model_copy(update={"activation_data_path": "data/set/x"})

    async def twice() -> list[str]:
        return [(await api.train(asked, fast=False))["job_id"] for _ in range(2)]

    first, second = asyncio.run(twice())
    assert first != second and all(name.startswith("sae_6_") for name in (first, second))
    assert {fields["id"] for fields, _ in jobs.submitted} == {first, second}
