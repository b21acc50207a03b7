# Read by run.sh, compare.sh and crossing.sh: builds Ondine, its native kernels and the benchmarks, and runs a class of theirs.
# shellcheck shell=sh

here=$(CDPATH='' cd -- "$(dirname "$0")" && pwd -P)
root=$(dirname "$here")

build() {
    "$root/build-native.sh" >/dev/null || echo "$0: going on without the native kernels" >&2
    # The jar goes to the local Maven repository, where bench/pom.xml finds it by its version. How it is formatted does not matter here.
    mvn -B -ntp -q -f "$root/pom.xml" -Punchecked -Dmaven.test.skip=true \
        -Dformatter.list.phase=none -Dformatter.run.phase=none -Dformatter.check.phase=none install </dev/null

    library=$root/native/build/libondine.so
    [ -f "$library" ] || library=$root/native/build/libondine.dylib
    [ -f "$library" ] || library=none
}

# start CLASS ARGUMENT...: in place of this shell.
start() {
    # exec.args is split as a shell would: every argument in quotes.
    words=
    for word in --enable-native-access=ALL-UNNAMED --add-modules=jdk.incubator.vector --sun-misc-unsafe-memory-access=allow \
        "-Dondine.native.path=$library" "-Dondine.bench.results=$here/results" "-Dondine.bench.root=$root" \
        -cp "$here/target/ondine-bench.jar" "$@"; do
        words="$words \"$word\""
    done
    exec mvn -B -ntp -q -f "$here/pom.xml" package exec:exec "-Dexec.args=$words" </dev/null
}
