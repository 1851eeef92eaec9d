"""Each kind of bad input of a pool is said before anything is submitted, with its cure."""

from __future__ import annotations

from dataclasses import replace

from master.adapters.allocators.slurm import checking
from master.adapters.allocators.slurm.parsing import Partition, Site
from master.specs import PoolSpec, ServerSpec

POOL = PoolSpec("hpc", ServerSpec("login", "login"), 2, 3600.0)
NOW = 1_800_000_000.0
MAIN = Partition("main", True, True, 7200.0, ())
GPU = Partition("gpu", False, True, 86400.0, ("gpu:a100:4",))
SITE = Site((22, 5), NOW, (MAIN, GPU), {"AccountingStorageType": "accounting_storage/slurmdbd"})
STARTS = f"sbatch: Job 3 to start at {NOW:.0f} using 1 processors on nodes n1 in partition main"


def problems(pool: PoolSpec = POOL, site: Site = SITE, said: str = STARTS, starts: bool = True) -> str:
    return "\n".join(checking.checked(pool, site, said, starts, NOW).problems)


def notes(pool: PoolSpec = POOL, site: Site = SITE, said: str = STARTS) -> str:
    told = checking.checked(pool, site, said, True, NOW)
    return "\n".join((*told.notes, *told.doubts))


def test_a_good_pool_has_no_problem_and_begins_at_once() -> None:
    assert checking.checked(POOL, SITE, STARTS, True, NOW) == checking.Checked(
        (), ("an allocation would begin at once, in partition main",)
    )


def test_the_expected_start_is_told_by_our_clock() -> None:
    late = STARTS.replace(f"{NOW:.0f}", f"{NOW + 7200:.0f}")
    assert "would begin 20" in notes(said=late)
    assert "at once" in notes(site=replace(SITE, clock=NOW + 7200), said=late)


def test_clocks_that_are_apart_are_told() -> None:
    assert "clock is 90 s ahead of this one" in notes(site=replace(SITE, clock=NOW + 90))
    assert "clock" not in notes(site=replace(SITE, clock=NOW - 3))


def test_an_old_slurm_is_told() -> None:
    assert "its Slurm is 20.02; agents in allocations are reached by `srun --overlap`" in problems(
        site=replace(SITE, version=(20, 2))
    )
    assert problems(site=replace(SITE, version=(20, 11))) == ""


def test_an_unknown_partition_lists_those_that_there_are() -> None:
    pool = replace(POOL, options=("--partition=nope",))
    said = "sbatch: error: invalid partition specified: nope"
    told = problems(pool, said=said, starts=False)
    assert "there is no partition nope: name one by `--partition`" in told
    assert "main, gpu" in told


def test_an_account_that_may_not_use_a_partition_is_no_partition_that_is_missing() -> None:
    pool = replace(POOL, options=("--partition=gpu", "--account=nope"))
    said = "allocation failure: Invalid account or account/partition combination specified"
    told = problems(pool, said=said, starts=False)
    assert told.startswith("the account is not there, or may not use that partition: name one of yours by")


def test_an_unknown_gpu_type_lists_those_that_there_are() -> None:
    told = problems(said="sbatch: error: Invalid generic resource (gres) specification", starts=False)
    assert "the GPU type is not there" in told
    assert "its nodes have gpu:a100:4" in told


def test_a_time_beyond_the_partitions_is_told_where_slurm_takes_it() -> None:
    assert "`time` is 3 h 00 min, and partition main gives at most 2 h 00 min" in problems(
        replace(POOL, time_s=10800.0)
    )
    assert problems(replace(POOL, time_s=10800.0, options=("-p", "gpu"))) == ""


def test_a_partition_that_is_down_is_told() -> None:
    assert "partition main starts nothing now" in problems(
        site=replace(SITE, partitions=(replace(MAIN, is_up=False),))
    )


def test_an_account_that_nobody_checks_is_told() -> None:
    off = replace(SITE, config={"AccountingStorageType": "accounting_storage/none"})
    assert "accounting is off there" in notes(replace(POOL, options=("--account=x",)), off)
    assert "accounting" not in notes(POOL, off)


def test_any_other_refusal_carries_slurms_words() -> None:
    told = problems(said="sbatch: error: Batch job submission failed: odd", starts=False)
    assert told.startswith("Slurm refuses it: ")
    assert told.endswith("(it says: sbatch: error: Batch job submission failed: odd)")


def test_a_host_without_slurm_is_told() -> None:
    problem, cure = checking.no_program("login", "sbatch")
    assert problem == "login has no `sbatch`"
    assert "`slurm`" in cure


def test_a_home_that_nodes_may_not_have_is_told() -> None:
    own = replace(SITE, file_systems=("ext2/ext3",), login_host="login.hpc.edu", node_hosts=("login", "n1"))
    assert "disk of the login host's own (ext2/ext3): where nodes such as n1 do not mount it" in notes(
        site=own
    )
    assert len(checking.checked(POOL, own, STARTS, True, NOW).doubts) == 1
    assert "state_dir" not in notes(site=replace(own, file_systems=("nfs",)))
    assert "state_dir" not in notes(site=replace(own, node_hosts=("login",)))


def test_a_scratch_disk_of_the_login_hosts_own_is_told_beside_a_shared_home() -> None:
    login = replace(POOL.login, agent=replace(POOL.login.agent, work_dir="/scratch/me"))
    apart = replace(SITE, file_systems=("nfs", "xfs"), login_host="login", node_hosts=("n1",))
    (doubt,) = checking.checked(replace(POOL, login=login), apart, STARTS, True, NOW).doubts
    assert doubt.startswith("`work_dir` lies on a disk of the login host's own (xfs): where nodes such as n1")
    assert "no job will begin; set it to a directory that they share" in doubt


def test_too_much_time_is_told_once() -> None:
    pool = replace(POOL, time_s=10800.0)
    said = "allocation failure: Requested time limit is invalid (missing or exceeds some limit)"
    assert len(checking.checked(pool, SITE, said, False, NOW).problems) == 1
