"""Machines are shown in lines that fit, with nothing that a terminal would obey."""

from __future__ import annotations

from master.runs.usage.machines import Looked
from master.view.answers.machine_lines import machine_lines
from worker_agent.protocol.looks.machine import DiskNow, GpuNow, GpuUser, MachineNow

GB = 10**9
USERS = [GpuUser(1, "me", "python"), GpuUser(2, "me", "python"), GpuUser(3, "anna", "x\x1b[31mterm")]
LAB1 = MachineNow(
    *("host1", 16, 7.24, 43.4, 23 * GB, 64 * GB),
    disks=[DiskNow("~/.twophase", 812 * GB, 1000 * GB)],
    gpus=[
        GpuNow(0, "NVIDIA RTX 4090", 97, 18_200_000_000, 24 * GB, "used", USERS),
        GpuNow(1, "GT 710"),
    ],
    slots=4,
    slots_taken=2.0,
)


def shown(*found: Looked, width: int = 200) -> list[str]:
    return [line.plain for line in machine_lines(found, width)]


def test_a_machine_and_its_gpus() -> None:
    assert shown(Looked("lab1", LAB1)) == [
        "lab1  cpu  43 % of 16, load 7.2  memory 23.0/64.0 GB  slots 2/4  812 GB free",
        "  gpu0 ##########  97 %   18.2 of 24.0 GB  me: python ×2; anna: xterm  NVIDIA RTX 4090",
        "  gpu1 ----------   ? %  memory not known  GT 710",
    ]


def test_of_several_disks_it_is_told_which() -> None:
    disks = [DiskNow("/scratch", 5 * GB, 9 * GB), DiskNow("~/.twophase", 7 * GB, 9 * GB)]
    (line,) = shown(Looked("lab1", MachineNow("h", 2, 0.5, disks=disks)))
    assert line.endswith("5.0 GB free in /scratch  7.0 GB free in ~/.twophase")


def test_a_machine_fits_into_80_columns() -> None:
    assert len(shown(Looked("lab1", LAB1))[0]) <= 80


def test_what_does_not_fit_beside_goes_below_and_a_gpus_name_goes_first() -> None:
    assert shown(Looked("user@gpu-server-12", LAB1), width=80) == [
        "user@gpu-server-12  cpu  43 % of 16, load 7.2  memory 23.0/64.0 GB  slots 2/4",
        "  812 GB free",
        "  gpu0 ##########  97 %   18.2 of 24.0 GB  me: python ×2; anna: xterm",
        "  gpu1 ----------   ? %  memory not known  GT 710",
    ]


def test_no_line_is_longer_than_the_terminal() -> None:
    lines = shown(Looked("lab1", LAB1), width=40)
    assert all(len(line) <= 40 for line in lines) and lines[0].endswith("…")


def test_one_that_cannot_be_looked_at_says_why() -> None:
    assert shown(Looked("lab2", None, "timed out"), Looked("lab3", None)) == [
        "lab2  timed out",
        "lab3  is being looked at",
    ]


def test_a_problem_with_the_gpus_hides_nothing_else() -> None:
    lines = shown(Looked("lab1", MachineNow("h", 2, 0.5, problem="nvidia-smi failed")))
    assert lines == ["lab1  cpu   ? % of 2, load 0.5  memory not known", "  nvidia-smi failed"]


def test_a_gpu_that_is_left_alone_says_so() -> None:
    alone = GpuNow(0, "H100", 3, GB, 80 * GB, "left alone: in use by process 7 of bob (1.0 GB in use)")
    lines = shown(Looked("lab1", MachineNow("h", 2, 0.5, gpus=[alone])))
    assert lines[1].endswith("H100  left alone: in use by process 7 of bob (1.0 GB in use)")
