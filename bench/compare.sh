#!/bin/sh
# Runs Ondine and PyTorch in turns on this machine and leaves a table of ratios and the data in bench/results/DATE-TIME-compare/:
#
#   bench/compare.sh                                            all workloads, 3 rounds of 10 s: some 40 minutes
#   bench/compare.sh --workloads resnet20,mlp --rounds 5 --dtype bf16
#   ONDINE_PYTHON=/path/to/python bench/compare.sh              where PyTorch is, if not in python3 (PYTHONPATH is passed on)
#   bench/compare.sh -- --tune off                              more arguments for `ondine bench`
#   bench/compare.sh --help                                     all options
#
# Without PyTorch only Ondine is measured. On a machine that does nothing else.
set -eu

. "$(dirname "$0")/start.sh"
build
start dev.ondine.bench.compare.Compare "$@"
