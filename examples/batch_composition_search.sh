#!/usr/bin/env bash
# The batch-composition search in one piece: generate, analyse, dry run, run.
#
#   examples/batch_composition_search.sh [--run-dir DIR] [--cluster-config FILE] [flags for run_two_phase]
#
# 15 experiments (5 shares of the target in a batch x 3 targets) from 3 base models, on made-up participants of
# scikit-learn's digits.  All files come to DIR (./search_run).  Without --cluster-config this machine is the worker;
# with one, its machines must see DIR/data (its `data`).  The same command again goes on where it stopped.
set -euo pipefail

run=search_run cluster= passed=()
while (($#)); do
    case $1 in
        --run-dir) run=$2; shift 2 ;;
        --cluster-config) cluster=$(realpath "$2"); shift 2 ;;
        --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "$0"; exit 0 ;;
        *) passed+=("$1"); shift ;;
    esac
done
mkdir -p "$run/data"
run=$(cd "$run" && pwd)
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

step() {
    printf '\n$ %s\n' "$*"
    "$@"
}

# 1. Generate: the participants' files, the jobs, and a cluster of this machine where no other was named.
[[ -e $run/data/digits/p06_test.pt ]] ||
    step "$python" examples/digits_participants.py --output "$run/data/digits" --participants 6
step "$python" examples/batch_composition.py --output "$run/jobs.json"
if [[ -z $cluster ]]; then
    cluster=$run/cluster_config.json
    cat >"$cluster" <<JSON
{
  "servers": [{"host": "localhost", "gpus": "auto", "cpu_slots": 2, "python": "$(command -v "$python")"}],
  "state_dir": "$run/worker",
  "data": {"data": "$run/data"},
  "env": {"OMP_NUM_THREADS": "1"}
}
JSON
fi

# 2. Analyse: which base models are there, who shares them, what does that save?
step "$python" -m twophase analyze_jobs "$run/jobs.json" --trainer personalization

# 3. Dry run: can every worker do it, and what would run?
search=(--cluster-config "$cluster" --jobs-config "$run/jobs.json" --run-dir "$run" --trainer personalization)
step "$python" -m twophase run_two_phase "${search[@]}" ${passed[@]+"${passed[@]}"} --dry-run

# 4. Run: each base model once, every experiment from it.
step "$python" -m twophase run_two_phase "${search[@]}" ${passed[@]+"${passed[@]}"}
