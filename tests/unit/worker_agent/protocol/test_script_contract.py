"""What the agent and a training script agree on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from worker_agent.protocol import script_contract as contract
from worker_agent.protocol.script_contract import ScriptContract, flags

ENV = {
    contract.JOB_ID: "alpha/a",
    contract.ATTEMPT: "2",
    contract.PHASE: "1",
    contract.BASE_MODEL_HASH: "f" * 64,
    contract.BASE_MODEL_DIR: "/m",
    contract.OUTPUT_DIR: "/o",
    contract.CHECKPOINT_DIR: "/c",
    contract.PROGRESS_FILE: "/p",
}


def test_a_script_learns_what_it_is_for_from_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = ScriptContract(
        *("alpha/a", 2, 1, "f" * 64, Path("/m"), Path("/o"), Path("/c"), Path("/p")),
    )
    assert ScriptContract.from_environ(ENV) == expected
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    assert ScriptContract.from_environ() == expected


def test_without_an_agent_there_is_no_contract_and_without_a_base_model_no_directory() -> None:
    assert ScriptContract.from_environ({}) is None
    bare = {name: value for name, value in ENV.items() if "BASE_MODEL" not in name}
    found = ScriptContract.from_environ(bare)
    assert found and (found.base_model_hash, found.base_model_dir) == (None, None)


def test_a_base_model_that_starts_from_another_learns_where_that_is() -> None:
    found = ScriptContract.from_environ({**ENV, contract.PARENT_MODEL_DIR: "/parent"})
    assert found and (found.base_model_dir, found.parent_model_dir) == (Path("/m"), Path("/parent"))


def test_a_rung_learns_what_it_goes_on_from_and_whether_to_keep_its_state() -> None:
    found = ScriptContract.from_environ(
        {**ENV, contract.RESUME_MODEL_DIR: "/lower", contract.KEEP_STATE: "1"}
    )
    assert found and (found.resume_model_dir, found.parent_model_dir) == (Path("/lower"), None)
    assert found.base_model_dir == Path("/m") and found.keeps_state
    plain = ScriptContract.from_environ(ENV)
    assert plain and (plain.resume_model_dir, plain.keeps_state) == (None, False)


def test_progress_is_one_line_an_epoch(tmp_path: Path) -> None:
    found = ScriptContract.from_environ({**ENV, contract.PROGRESS_FILE: str(tmp_path / "progress")})
    assert found
    found.report_progress(1, 3, loss=0.5)
    found.report_progress(2, 3)
    lines = (tmp_path / "progress").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"epoch": 1, "epochs": 3, "metrics": {"loss": 0.5}},
        {"epoch": 2, "epochs": 3, "metrics": {}},
    ]


@pytest.mark.parametrize(
    ("config", "argv"),
    [
        ({"lr": 0.1, "name": "x"}, ["--lr", "0.1", "--name", "x"]),
        ({"fast": True, "slow": False, "none": None, "empty": [], "_own": 1}, ["--fast"]),
        (
            {"participants": ["anna", "bert"], "pair": (1, 2)},
            ["--participants", "anna", "bert", "--pair", "1", "2"],
        ),
        ({"shift": -1.5, "word": "-x"}, ["--shift=-1.5", "--word=-x"]),
    ],
)
def test_fields_become_flags(config: dict[str, object], argv: list[str]) -> None:
    assert flags(config) == argv  # type: ignore[arg-type]
