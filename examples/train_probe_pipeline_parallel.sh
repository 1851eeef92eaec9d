#!/usr/bin/env bash
# Train the binary probes of many layers: one file layer_<n>_activations.h5 for each in the folder of activations.
set -euo pipefail

usage() {
    cat <<TEXT
usage: $0 [options]

  --layer N                  this layer alone
  --layer-start N            the first layer (the first that has a file)
  --layer-end N              the last layer, included (the last that has a file)
  --activations-dir DIR      files layer_<n>_activations.h5 (./data/activations)
  --output-dir DIR           results of each layer come to DIR/layer_<n> (./data/probes_binary)
  --probe-type TYPE          linear or multihead (linear)
  --no-pin-activations       leave activations in host memory
  --help                     this text

Anything else goes on to train_probes: --num-workers 12, --batch-size 1024, --epochs, --lr, --weight-decay,
--early-stopping-patience, --device, --no-scheduler, --use-scheduler, --baseline, ...

  $0                                             all layers that have a file
  $0 --num-workers 12 --batch-size 1024
  $0 --layer 27 --num-workers 4                  one layer
  $0 --layer-start 20 --layer-end 22 --epochs 10

In DIR lie training_summary.json and per_action_layer_analysis.json (the best layer for each action) where several
layers were trained.  The same command again goes on with what is missing.
TEXT
}

fail() {
    echo "$0: $1" >&2
    exit 2
}

value_of() {
    (($# > 1)) || fail "$1: a value is missing"
    value=$2
}

layer_of() {
    value_of "$@"
    [[ $value =~ ^[0-9]+$ ]] || fail "$1 $value: must be the number of a layer"
}

activations=./data/activations output=./data/probes_binary first=0 last=999999 passed=()
while (($#)); do
    case $1 in
        --help) usage; exit 0 ;;
        --layer) layer_of "$@"; first=$value last=$value; shift 2 ;;
        --layer-start) layer_of "$@"; first=$value; shift 2 ;;
        --layer-end) layer_of "$@"; last=$value; shift 2 ;;
        --activations-dir) value_of "$@"; activations=$value; shift 2 ;;
        --output-dir) value_of "$@"; output=$value; shift 2 ;;
        --probe-type) value_of "$@"; passed+=(--model-type "$value"); shift 2 ;;
        *) passed+=("$1"); shift ;;
    esac
done

[[ -d $activations ]] || fail "$activations: there is no such folder; give --activations-dir"
layers=()
while read -r layer; do
    if ((layer >= first && layer <= last)); then layers+=("$layer"); fi
done < <(for file in "$activations"/layer_*_activations.h5; do
    [[ $file =~ layer_([0-9]+)_activations\.h5$ ]] && echo "${BASH_REMATCH[1]}"
done | sort -n)
((${#layers[@]})) || fail "$activations: no layer_<n>_activations.h5 for the layers asked for"
((${#layers[@]} > 1)) || output=$output/layer_${layers[0]}

train=(train_probes)
if ! command -v train_probes >/dev/null; then
    project=$(cd "$(dirname "$0")/.." && pwd)
    train=(python3 "$project/twophase.py" train_probes)
fi
set -- "${train[@]}" --activations "$activations" --layer "${layers[@]}" --output-dir "$output"
exec "$@" ${passed[@]+"${passed[@]}"}
