"""`twophase top`, of this machine and of one behind an sshd, whose GPUs are made up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from master.verbs.machines.top import main
from tests.integration.ssh_place import started
from tests.support.fake_gpus import FakeGpus, gpu, stranger
from tests.unit.master.verbs.published import as_published


def config(folder: Path, server: dict[str, object], **more: object) -> list[str]:
    path = folder / "cluster.json"
    path.write_text(json.dumps({"servers": [server], **more}))
    return ["--cluster-config", str(path)]


def test_gpus_of_this_machine_and_who_uses_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakeGpus(tmp_path / "gpus", [gpu(0, utilization=93), gpu(1, utilization="[N/A]")])
    for name, value in {**fake.env, "TWOPHASE_SLOT_DIR": str(tmp_path / "slots")}.items():
        monkeypatch.setenv(name, value)
    words = config(tmp_path, {"host": "localhost", "gpus": "auto", "state_dir": str(tmp_path / "state")})
    with stranger() as pid:
        fake.use(0, pid, 5 * 1024**3)
        assert main([*words, "--json"]) == 0
        (machine,) = as_published("top", capsys.readouterr().out)["machines"]
        assert main(words) == 0
    first, second = machine["gpus"]
    assert (first["utilization_percent"], second["utilization_percent"]) == (93, None)
    assert [user["pid"] for user in first["users"]] == [pid] and first["users"][0]["user"]
    assert "in use by process" in first["state"] and second["users"] == []
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("localhost  cpu ") and lines[1].startswith("  gpu0 #########-  93 %")
    assert not (tmp_path / "state").exists(), "nothing is left there"


@pytest.mark.ssh
def test_a_machine_behind_ssh_and_one_that_is_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    with started(tmp_path / "ssh") as sshd:
        client = sshd.client
        client.add_host("off", 1, sshd.user, sshd.host_key)
        path = tmp_path / "cluster.json"
        servers = [{"host": sshd.name, "gpus": 0}, {"host": "off", "gpus": 0}]
        path.write_text(json.dumps({"servers": servers, **client.files}))
        assert main(["--cluster-config", str(path), "--json"]) == 1
    one, off = as_published("top", capsys.readouterr().out)["machines"]
    assert one["cores"] > 0 and one["memory_bytes"] > 0 and one["problem"] is None
    assert "cannot connect to" in off["problem"] and off["cores"] is None
