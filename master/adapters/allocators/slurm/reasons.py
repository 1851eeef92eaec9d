"""Slurm's words for why an allocation waits, or is refused, and what to do about it.  Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NEVER = {
    "PartitionTimeLimit": "it asks for more time than the partition gives: lower `time` of the pool",
    "PartitionNodeLimit": "it asks for more than the partition gives: change the pool's `options`",
    "PartitionConfig": "the partition does not allow it: change the pool's `options` or `time`",
    "PartitionDown": "the partition takes jobs and starts none",
    "PartitionInactive": "the partition starts nothing now",
    "BadConstraints": "no node has what it asks for: change the pool's `options`",
    "AccountNotAllowed": "the account may not use the partition: change `--account` or `--partition`",
    "InvalidAccount": "the account is not valid: change `--account` in the pool's `options`",
    "InvalidQOS": "the quality of service is not valid: change `--qos` in the pool's `options`",
    "QOSNotAllowed": "the quality of service may not be used there: change `--qos` or `--partition`",
    "JobHeldUser": "it is held: `scontrol release` lets it go",
    "JobHeldAdmin": "an administrator holds it: ask them",
    "AssocGrpSubmitJobsLimit": "the account has as many submissions as it may",
    "QOSMaxJobsPerUserLimit": "you have as many allocations as you may at once",
    "QOSMaxWallDurationPerJobLimit": "it asks for more time than you may have: lower `time` of the pool",
    "AssocMaxWallDurationPerJobLimit": "it asks for more time than you may have: lower `time` of the pool",
    "ReqNodeNotAvail": "nodes that it needs are down, drained or reserved",
}


def explained(reason: str) -> str:
    """Return why an allocation waits: Slurm's word, and what it means where that is not plain."""
    plain = reason.strip("()")
    if plain in ("", "None"):
        return "not looked at by the scheduler yet"
    meaning = _NEVER.get(plain.partition(",")[0])
    return f"{plain}: {meaning}" if meaning else plain


@dataclass(frozen=True)
class Refusal:
    """Why Slurm refuses an allocation, and what to do about it."""

    problem: str
    cure: str
    passing: bool = False
    """Room is made for it when something ends."""


TOO_LONG = "it asks for more time than may be had"
NO_PARTITION = "the partition is not there"
_LIMIT = "a limit of submissions, size or time is reached"
_TIME_OR_SIZE = re.compile(r"MaxWall|MaxTRESPer|MaxCpuPer|MaxNodePer|MaxGRESPer|MaxNodesPer")
"""Limits of what one submission may ask for: these never pass."""
_TRANSIENT = re.compile(
    r"Unable to contact slurm controller|Socket timed out|temporarily unable|Zero Bytes were transmitted"
    r"|Connection refused|Connection timed out|Transport endpoint|Communication connection failure|in standby"
    r"|Unable to establish|Resource temporarily unavailable|Message receive failure"
)
_REFUSALS: tuple[tuple[str, str, str], ...] = (
    (
        r"invalid partition|Invalid partition",
        NO_PARTITION,
        "name one of those that `sinfo` lists, by `--partition` in the pool's `options`",
    ),
    (
        r"[Ii]nvalid account|account/partition combination",
        "the account is not there, or may not use that partition",
        "name one of yours by `--account` in the pool's `options`:"
        " `sacctmgr show associations user=$USER` lists them",
    ),
    (
        r"[Ii]nvalid qos",
        "the quality of service is not there for you",
        "change `--qos` in the pool's `options`: `sacctmgr show associations user=$USER` lists yours",
    ),
    (
        r"\(gres\)|Invalid generic resource|Invalid GRES",
        "the GPU type is not there",
        "change `--gres` or `--gpus` in the pool's `options`: `sinfo -o '%P %G'` lists what nodes have",
    ),
    (
        r"[Ii]nvalid feature",
        "no node has that feature",
        "change `--constraint` in the pool's `options`: `sinfo -o '%P %f'` lists them",
    ),
    (
        r"Memory specification|node configuration is not available|Requested nodes are busy|CPU count",
        "no node has what is asked for (GPUs, cores and memory together)",
        "change the pool's `options`: `sinfo -o '%P %c %m %G'` lists what nodes have",
    ),
    (
        r"time limit is invalid|[Tt]ime limit specification",
        TOO_LONG,
        "lower `time` of the pool: `sinfo -o '%P %l'` lists the limits",
    ),
    (
        r"submit limit|SubmitJobs?Limit|SubmitJobsPerUser|MaxSubmit|MaxJobs|accounting/QOS policy",
        _LIMIT,
        "lower `seats` or `time` of the pool, or end other jobs of yours",
    ),
    (
        r"[Pp]ermission denied|not permitted|not allowed|Access denied|[Uu]ser.* not",
        "you may not use it",
        "change `--partition` or `--account` in the pool's `options`, or ask the administrators",
    ),
    (
        r"unrecognized option|invalid option|ambiguous option|Invalid .*specification",
        "its `sbatch` does not know an option",
        "change the pool's `options`: `sbatch --help` there lists them",
    ),
)


def is_transient(stderr: str) -> bool:
    """Return whether a failure passes: the controller is away, restarts, or has too much to do."""
    return bool(_TRANSIENT.search(stderr))


def refusal(stderr: str) -> Refusal:
    """Return what a refusal means."""
    for pattern, problem, cure in _REFUSALS:
        if re.search(pattern, stderr):
            return Refusal(problem, cure, problem == _LIMIT and not _TIME_OR_SIZE.search(stderr))
    return Refusal("Slurm refuses it", "change the pool's `options`, or ask the administrators")


def last_words(stderr: bytes) -> str:
    """Return what one of Slurm's programs has said; what startup files say is not from it."""
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    own = [
        line for line in lines if re.match(r"(?:\S*/)?(sbatch|squeue|scancel|srun|slurm_\w+|sinfo)\b", line)
    ]
    told = own or [line for line in lines if "failure" in line or "not found" in line] or lines
    return "\n".join(told[-3:])
