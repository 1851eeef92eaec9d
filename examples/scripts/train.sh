#!/usr/bin/env bash
# Sums made-up figures with awk; writes to ./sums and a log beside it.
set -euo pipefail

seed=0
rows=100
while (($#)); do
    case $1 in
        --seed) seed=$2; shift 2 ;;
        --rows) rows=$2; shift 2 ;;
        *) echo "usage: train.sh [--seed N] [--rows N]" >&2; exit 2 ;;
    esac
done

mkdir -p sums
awk -v seed="$seed" -v rows="$rows" 'BEGIN {
    value = seed + 1
    for (row = 1; row <= rows; row++) { value = (value * 7919 + 17) % 104729; print row, value }
}' > sums/figures.txt
awk '{ sum += $2 } END { printf "%d\n", sum }' sums/figures.txt > sums/total.txt
cp sums/total.txt last_total.txt
echo "total $(cat sums/total.txt)"
