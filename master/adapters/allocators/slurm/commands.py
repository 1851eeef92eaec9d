"""What is run on a login host, as argv lists.  Pure.

Everything runs below a shell that forgets what the environment would change in the form of answers, and that
marks where the answer begins: login shells print.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from master.adapters.allocators.pilots import Pilot, in_home, notice_s
from master.adapters.remote_command import quiet_line
from master.specs import PoolSpec

MARK = "--- twophase ---"
"""A line of its own; the answer follows the last one."""
QUEUE_FORMAT = "%i|%j|%T|%N|%L|%S|%r"
"""Id, name, state, node, time left, start, and last the reason, which is free text."""
NO_DIRECTORY = 73
"""Exit code where the directory of the log cannot be made."""
SUBMIT_S, TOO_LATE = 50, 124
"""`sbatch` is ended after so many seconds, with this exit code: what nobody waits for any more is not to
come through behind the next one."""
PARTITION_FORMAT = "%P|%a|%l|%G"
"""Name with a star for the default, `up` or not, time limit, devices."""

# Where Slurm's programs come with the login shell's startup files, that shell is asked.
_FIND = """\
if command -v sbatch >/dev/null 2>&1 || ! command -v bash >/dev/null 2>&1; then exec sh -c "$@"; fi
exec bash -lc 'exec sh -c "$@"' bash "$@"
"""
# A master may itself run in an allocation: its variables would be options of what it starts.
_FORGET = """\
for name in $(env | sed -n 's/^\\([A-Z_0-9]*\\)=.*/\\1/p'); do
    case $name in
    SLURM_CONF | SLURM_CONF_SERVER | SLURM_JWT) ;;
    SLURM_* | SQUEUE_* | SINFO_* | SCANCEL_* | SRUN_* | PMI*) unset "$name" ;;
    SBATCH_ARRAY_INX | SBATCH_EXPORT | SBATCH_WAIT | SBATCH_REQUEUE | SBATCH_SIGNAL) unset "$name" ;;
    SBATCH_JOB_NAME | SBATCH_OUTPUT | SBATCH_ERROR | SBATCH_TIMELIMIT | SBATCH_CLUSTERS) unset "$name" ;;
    esac
done
export SLURM_TIME_FORMAT=%s
"""
_BEGIN = f"{_FORGET}printf '\\n%s\\n' '{MARK}'\n"
_SUBMIT = f"""\
umask 077
mkdir -p -- "$1" || exit {NO_DIRECTORY}
log=$(cd -- "$1" && pwd -P | sed 's/%/%%/g')/$2
script=$3
shift 3
limited=$(command -v timeout >/dev/null 2>&1 && echo 'timeout {SUBMIT_S}')
{_BEGIN}printf '%s\\n' "$script" | $limited sbatch "$@" --output="$log"
"""
_QUEUE = f'{_BEGIN}date +%s; exec squeue "$@"\n'
_RUN = f'{_BEGIN}exec "$@"\n'
_STEP = f'{_FORGET}exec "$@"\n'
_QUESTIONS = """\
partitions=$1
shift
echo 'version:'; sbatch --version
echo 'clock:'; date +%s
echo 'partitions:'; sinfo -h -o "$partitions"
echo 'disks:'
for folder; do
    until [ -d "$folder" ]; do folder=$(dirname -- "$folder"); done
    stat -f -c %T -- "$folder"
done
echo 'host:'; hostname
echo 'nodes:'; sinfo -h -N -o %n
echo 'config:'; scontrol show config
"""


def in_shell(script: str, *words: str) -> list[str]:
    """Return the command that runs a script of `sh` where Slurm's programs are on `PATH`."""
    return ["sh", "-c", _FIND, "sh", script, "sh", *words]


def batch_options(pool: PoolSpec, name: str) -> list[str]:
    """Return the options of an allocation: the user's, then ours, of which none is to be changed."""
    return [
        *pool.options,
        *(f"--job-name={name}", "--nodes=1", f"--time={math.ceil(pool.time_s / 60)}"),
        *(f"--signal=B:USR1@{notice_s(pool.time_s):.0f}", "--no-requeue", "--open-mode=append"),
    ]


def batch_script(argv: Sequence[str]) -> str:
    """Return what the allocation runs: signals for the batch step reach the agent itself."""
    return "#!/bin/sh\nexec " + " ".join(map(_quoted, argv))


def submit(pool: PoolSpec, name: str, pilot: Pilot) -> list[str]:
    """Return the command that submits an allocation."""
    script = batch_script(pilot.argv)
    options = ["--parsable", *batch_options(pool, name)]
    return in_shell(_SUBMIT, pilot.log_dir, pilot.log_name, script, *options)


def test_only(pool: PoolSpec, name: str) -> list[str]:
    """Return the command that asks what would come of a submission."""
    return in_shell(_RUN, "sbatch", "--test-only", *batch_options(pool, name), "--wrap", "true")


def look(names: Sequence[str]) -> list[str]:
    """Return the command that asks for all allocations of these names, ended ones too."""
    return in_shell(_QUEUE, "-h", "--me", "--states=all", f"--name={','.join(names)}", "-o", QUEUE_FORMAT)


def cancel(allocation_id: str) -> list[str]:
    """Return the command that gives an allocation back."""
    return in_shell(_RUN, "scancel", allocation_id)


def questions(pool: PoolSpec) -> list[str]:
    """Return the command that asks what there is: version, clock, partitions, disks, nodes, configuration."""
    folders = (in_home(folder) for folder in folders_of(pool).values())
    return in_shell(_BEGIN + _QUESTIONS, PARTITION_FORMAT, *folders)


def folders_of(pool: PoolSpec) -> dict[str, str]:
    """Return the directories that login host and nodes have to share, by their keys."""
    own = {"state_dir": pool.login.state_dir, "work_dir": pool.login.agent.work_dir}
    return {key: folder for key, folder in own.items() if folder}


def step(allocation_id: str, argv: Sequence[str]) -> list[str]:
    """Return the command whose streams are those of a command in an allocation that runs."""
    where = (f"--jobid={allocation_id}", "--overlap", "--nodes=1", "--ntasks=1", "--quiet")
    return in_shell(_STEP, "srun", *where, *argv)


def on_node(node: str, argv: Sequence[str]) -> list[str]:
    """Return the command that runs another on a node by the login host's own `ssh`, in the home directory."""
    # Whether a node is the one that it should be is for that host's own `ssh` to say: it knows their keys.
    return in_shell(_STEP, "ssh", "-T", "-o", "BatchMode=yes", "--", node, quiet_line(argv).decode("ascii"))


def _quoted(word: str) -> str:
    """Return a word for `sh`, in which line ends and everything else stay."""
    return "'" + word.replace("'", "'\\''") + "'"
