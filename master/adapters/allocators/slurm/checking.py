"""What is wrong with a pool, by what its Slurm says before anything is submitted.  Pure."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from master.adapters.allocators.allocator import Checked
from master.adapters.allocators.slurm.commands import folders_of
from master.adapters.allocators.slurm.parsing import Expected, Partition, Site, expected
from master.adapters.allocators.slurm.reasons import NO_PARTITION, TOO_LONG, last_words, refusal
from master.specs import PoolSpec

OLDEST = (20, 11)
"""The first version with `srun --overlap`, by which an agent in an allocation is reached."""
CLOCKS_APART_S = 30.0
LOCAL_FILE_SYSTEMS = frozenset({"ext2/ext3", "xfs", "btrfs", "tmpfs", "overlayfs", "zfs", "f2fs"})
"""As `stat -f` calls them.  A login host may export one of these to its nodes: that is no problem yet."""
_PARTITION = re.compile(r"(?:--partition=|-p=?)(.+)\Z")
_MOST_LISTED = 12


def no_program(host: str, program: str) -> tuple[str, str]:
    """Return what is wrong on a host without Slurm's programs, and the cure."""
    return (
        f"{host} has no `{program}`",
        "name the login host of a Slurm by `slurm`; where it is a module, load that in ~/.bash_profile",
    )


def checked(pool: PoolSpec, site: Site, stderr: str, would_start: bool, now: float) -> Checked:
    """Return what there is to say; `stderr` is what `sbatch --test-only` says, `now` the time here."""
    problems = [*_version(site), *_time_limit(pool, site)]
    when = expected(stderr)
    is_told = bool(problems) and refusal(stderr).problem == TOO_LONG
    if not would_start and not is_told:
        problems += [_refused(pool, site, stderr)]
    doubts = tuple(_disks(pool, site))
    return Checked(tuple(dict.fromkeys(problems)), tuple(_notes(pool, site, when, now)), doubts)


def _version(site: Site) -> Iterator[str]:
    if site.version and site.version < OLDEST:
        yield (
            f"its Slurm is {site.version[0]}.{site.version[1]:02}; agents in allocations are reached by "
            '`srun --overlap`, which came with 20.11: set `reach` to "ssh" where you may log in to nodes'
        )


def _refused(pool: PoolSpec, site: Site, stderr: str) -> str:
    told, said = refusal(stderr), last_words(stderr.encode())
    problem, cure = told.problem, told.cure
    if problem == NO_PARTITION and site.partitions:
        problem = f"there is no partition {_asked_partition(pool) or 'that it takes by default'}"
        cure = (
            f"name one by `--partition` in the pool's `options`: {_listed(p.name for p in site.partitions)}"
        )
    elif "GPU" in problem:
        devices = _listed(dict.fromkeys(kind for p in site.partitions for kind in p.devices))
        cure = f"{cure}; its nodes have {devices or 'no GPUs that Slurm knows of'}"
    return f"{problem}: {cure} (it says: {said.splitlines()[-1] if said else 'nothing'})"


def _time_limit(pool: PoolSpec, site: Site) -> Iterator[str]:
    """Where limits are not enforced at submission, an allocation that asks for too much waits for ever."""
    partition = _partition_of(pool, site)
    if partition and partition.limit_s is not None and pool.time_s > partition.limit_s:
        yield (
            f"`time` is {_span(pool.time_s)}, and partition {partition.name} gives at most "
            f"{_span(partition.limit_s)}: lower `time` of the pool, or name another `--partition`"
        )
    if partition and not partition.is_up:
        yield f"partition {partition.name} starts nothing now: wait, or name another `--partition`"


def _notes(pool: PoolSpec, site: Site, when: Expected | None, now: float) -> Iterator[str]:
    apart_s = 0.0 if site.clock is None else site.clock - now
    if when and when.at is not None:
        at = when.at - apart_s
        begin = "at once" if at <= now + 1 else time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
        yield f"an allocation would begin {begin}, in partition {when.partition}"
    if abs(apart_s) > CLOCKS_APART_S:
        yield (
            f"the login host's clock is {abs(apart_s):.0f} s {'ahead of' if apart_s > 0 else 'behind'} this "
            "one; times are told by this one's"
        )
    has_account = any(re.match(r"(--account\b|-A)", option) for option in pool.options)
    if has_account and site.config.get("AccountingStorageType", "").endswith("none"):
        yield "accounting is off there: Slurm takes any `--account` and checks none"


def _disks(pool: PoolSpec, site: Site) -> Iterator[str]:
    """Say where nodes may not find what is brought to the login host."""
    others = [host for host in site.node_hosts if host.partition(".")[0] != site.login_host.partition(".")[0]]
    # One directory for each answer: there is none where `stat` knows no such option.
    for key, file_system in zip(folders_of(pool), site.file_systems, strict=False):
        if others and file_system in LOCAL_FILE_SYSTEMS:
            what = {"state_dir": "no agent will start", "work_dir": "no job will begin"}[key]
            yield (
                f"`{key}` lies on a disk of the login host's own ({file_system}): where nodes such as "
                f"{others[0]} do not mount it, {what}; set it to a directory that they share"
            )


def _partition_of(pool: PoolSpec, site: Site) -> Partition | None:
    asked = _asked_partition(pool)
    return next((p for p in site.partitions if (p.name == asked if asked else p.is_default)), None)


def _asked_partition(pool: PoolSpec) -> str:
    words = " ".join(pool.options).replace("--partition ", "--partition=").replace("-p ", "-p=").split()
    found = [match.group(1) for match in map(_PARTITION.match, words) if match]
    return found[-1] if found else ""


def _listed(names: Iterator[str] | dict[str, None]) -> str:
    known = list(names)
    more = f" and {len(known) - _MOST_LISTED} more" if len(known) > _MOST_LISTED else ""
    return ", ".join(known[:_MOST_LISTED]) + more


def _span(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"
