#!/bin/sh
# Times what it costs to drive oneDNN from Java instead of from C, and leaves table and data in bench/results/DATE-TIME-crossing/:
#
#   bench/crossing.sh                          some 3 minutes
#   bench/crossing.sh --threads 1 --seconds 10 --rounds 9
#
# Needs a C compiler. JMH's CrossingBenchmark (bench/run.sh Crossing) has the single call and the access to memory.
set -eu

. "$(dirname "$0")/start.sh"
build
[ "$library" != none ] || { echo "bench/crossing.sh needs native/build/libondine: build-native.sh must succeed first" >&2; exit 1; }
start dev.ondine.bench.crossing.CrossingMain "$@"
