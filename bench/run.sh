#!/bin/sh
# Builds Ondine, its native kernels and the benchmarks, runs them, and leaves bench/results/DATE-TIME.json and .md. The one command:
#
#   bench/run.sh                                      every benchmark; takes most of an hour
#   bench/run.sh BatchNorm                            those whose name matches a regular expression
#   bench/run.sh Convolution -p layer=8x64x56x56/o64/k3/p1 -p threads=1
#   bench/run.sh Linear -f 3 -i 10                    more forks and iterations, for figures to publish
#   bench/run.sh -l, -lp, -h                          lists: benchmarks, their parameters, options
#
# Arguments are JMH's. Those that are not given: -f 1 -wi 2 -i 3 -w 1 -r 1 -foe true. What is measured: bench/README.md.
set -eu

here=$(CDPATH='' cd -- "$(dirname "$0")" && pwd -P)
root=$(dirname "$here")
"$root/build-native.sh" >/dev/null || echo "bench/run.sh: going on without the native kernels" >&2
# The jar goes to the local Maven repository, where bench/pom.xml finds it by its version. How it is formatted does not matter here.
mvn -B -ntp -q -f "$root/pom.xml" -Punchecked -Dmaven.test.skip=true \
    -Dformatter.list.phase=none -Dformatter.run.phase=none -Dformatter.check.phase=none install </dev/null

library=$root/native/build/libondine.so
[ -f "$library" ] || library=$root/native/build/libondine.dylib
# Without them there is nothing to compare Java's optimizer step with.
[ -f "$library" ] || { library=none; set -- -p kernels=java "$@"; }

# exec.args is split as a shell would: every argument in quotes.
arguments=
for argument in --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow \
    "-Dondine.native.path=$library" "-Dondine.bench.results=$here/results" -jar "$here/target/ondine-bench.jar" "$@"; do
    arguments="$arguments \"$argument\""
done
exec mvn -B -ntp -q -f "$here/pom.xml" package exec:exec "-Dexec.args=$arguments" </dev/null
