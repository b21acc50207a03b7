#!/bin/sh
# Builds Ondine, its native kernels and the benchmarks, and runs them. Arguments are JMH's: a regular expression of
# benchmarks, -p n=272474, -prof gc, -l (list), -h (help).
set -eu

here=$(CDPATH='' cd -- "$(dirname "$0")" && pwd -P)
root=$(dirname "$here")
"$root/build-native.sh" >/dev/null || echo "bench/run.sh: going on without the native kernels" >&2
# The jar goes to the local Maven repository, where bench/pom.xml finds it by its version.
mvn -B -ntp -q -f "$root/pom.xml" -Punchecked -Dmaven.test.skip=true install </dev/null

library=$root/native/build/libondine.so
[ -f "$library" ] || library=$root/native/build/libondine.dylib
[ -f "$library" ] || library=none

# exec.args is split as a shell would: every argument in quotes.
arguments=
for argument in --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow \
    "-Dondine.native.path=$library" -jar "$here/target/ondine-bench.jar" "$@"; do
    arguments="$arguments \"$argument\""
done
exec mvn -B -ntp -q -f "$here/pom.xml" package exec:exec "-Dexec.args=$arguments" </dev/null
