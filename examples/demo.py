"""Show the system at work on this machine: 15 experiments from three base models, and a picture of them.

    python -m examples.demo [--run-dir demo_run]

This machine is its own worker.  A second start goes on where the first one stopped.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from examples import plot_results

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
PARTICIPANTS = 6
SLOTS = 2

ABOUT_THE_DATA = """\
The data are scikit-learn's 1,797 handwritten digits, dealt out to six made-up
participants: the images of each are turned and dimmed in one way.  The run
shows the system at work; it says nothing about personalisation to people."""


def cluster_config(run_dir: Path) -> dict[str, object]:
    """Return a cluster of this machine alone, all its files in the run directory."""
    server = {"host": "localhost", "gpus": 0, "cpu_slots": SLOTS, "python": sys.executable}
    return {
        "servers": [server],
        "state_dir": str(run_dir / "worker"),
        "data": {"data": str(run_dir / "data")},
        # Two jobs at a time: each with all cores, they would only wait for one another.
        "env": {"OMP_NUM_THREADS": "1"},
    }


def make_data(folder: Path) -> None:
    """Write the participants' files, unless they are all there."""
    if len(list(folder.glob("p*_*.pt"))) == PARTICIPANTS * 3:
        print(f"The participants are in {folder} already.")
        return
    script = EXAMPLES / "digits_participants.py"
    run([sys.executable, script, "--output", folder, "--participants", str(PARTICIPANTS)])


def run(argv: Sequence[str | Path]) -> None:
    """Run a step that must succeed.  Raises CalledProcessError."""
    subprocess.run([str(word) for word in argv], check=True, cwd=ROOT)


def run_two_phase(arguments: Sequence[str | Path]) -> int:
    """Run the command as a user would, in this terminal, and return its exit code."""
    words = [str(word) for word in arguments]
    print(f"\n$ run_two_phase {shlex.join(words)}\n", flush=True)
    process = subprocess.Popen([sys.executable, "-m", "master.commands.run_two_phase", *words], cwd=ROOT)
    while True:
        try:
            code = process.wait()
            return code if code >= 0 else 128 - code
        except KeyboardInterrupt:
            # The command has got the Ctrl-C too and decides what to do about it.
            continue


def prepare(run_dir: Path) -> tuple[Path, Path]:
    """Write data, jobs and cluster config; return the paths of the two configs."""
    jobs, cluster = run_dir / "jobs.json", run_dir / "cluster_config.json"
    run_dir.mkdir(parents=True, exist_ok=True)
    make_data(run_dir / "data" / "digits")
    run([sys.executable, EXAMPLES / "batch_composition.py", "--output", jobs])
    cluster.write_text(json.dumps(cluster_config(run_dir), indent=2) + "\n", encoding="utf-8")
    print(f"{cluster}: this machine, {SLOTS} jobs at a time")
    return cluster, jobs


def show_picture(run_dir: Path) -> None:
    """Draw what there is to draw and say where it lies."""
    picture = run_dir / plot_results.PICTURE
    try:
        shown = plot_results.plot(run_dir, picture, f"{plot_results.TITLE}: made-up people, real digits")
    except ValueError as error:
        print(f"No picture: {error}", file=sys.stderr)
        return
    print(f"Picture: {picture} ({shown} experiments)")


def main() -> int:
    """Read the flags, run the demonstration, return the exit code of `run_two_phase`."""
    parser = argparse.ArgumentParser(description="Run 15 experiments from three base models on this machine.")
    parser.add_argument("--run-dir", type=Path, default=Path("demo_run"), help="for all files (demo_run)")
    run_dir = parser.parse_args().run_dir.resolve()
    print(f"{ABOUT_THE_DATA}\n", flush=True)
    try:
        cluster, jobs = prepare(run_dir)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"{run_dir}: cannot be prepared: {error}", file=sys.stderr)
        return 1
    arguments: list[str | Path] = [
        "--cluster-config",
        cluster,
        "--jobs-config",
        jobs,
        "--trainer",
        "personalization",
    ]
    code = run_two_phase([*arguments, "--run-dir", run_dir])
    show_picture(run_dir)
    return code


if __name__ == "__main__":
    sys.exit(main())
