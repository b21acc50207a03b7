#!/bin/sh
# Builds Ondine, its native kernels and the benchmarks, runs them, and leaves bench/results/DATE-TIME/. The one command:
#
#   bench/run.sh                                      every benchmark; takes most of an hour
#   bench/run.sh BatchNorm                            those whose name matches a regular expression
#   bench/run.sh Convolution -p layer=8x64x56x56/o64/k3/p1 -p threads=1
#   bench/run.sh Linear -f 3 -i 10                    more forks and iterations, for figures to publish
#   bench/run.sh -l, -lp, -h                          lists: benchmarks, their parameters, options
#
# Arguments are JMH's. Those that are not given: -f 1 -wi 2 -i 3 -w 1 -r 1 -foe true. What is measured: bench/README.md.
set -eu

. "$(dirname "$0")/start.sh"
build
# Without native kernels there is nothing to compare Java's optimizer step with.
[ "$library" != none ] || set -- -p kernels=java-1,java-all "$@"
start dev.ondine.bench.Main "$@"
