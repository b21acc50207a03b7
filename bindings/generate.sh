#!/bin/sh
# Regenerates bindings/java/dev/ondine/onednn from the headers inside the pinned org.bytedeco:dnnl artifact; README.md has the versions.
#   JEXTRACT=/path/to/jextract bindings/generate.sh        (without JEXTRACT: the jextract on the PATH)
set -eu

bindings=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$bindings")
jextract=${JEXTRACT:-jextract}
command -v "$jextract" > /dev/null || {
    echo "generate.sh: no '$jextract' found; set JEXTRACT to the jextract launcher (see bindings/README.md)" >&2
    exit 1
}

evaluate() {
    # Maven may end its answer with the escape sequence that resets the colours.
    mvn -q -B -f "$root/pom.xml" help:evaluate -DforceStdout -Dexpression="$1" | sed "s/$(printf '\033')\[[0-9;]*m//g"
}
version=$(evaluate dnnl.version)
platform=linux-x86_64 # the headers are the same for every platform
repository=$(evaluate settings.localRepository)
jar=$repository/org/bytedeco/dnnl/$version/dnnl-$version-$platform.jar
[ -f "$jar" ] || mvn -q -B -f "$root/pom.xml" dependency:get -Dtransitive=false \
    -Dartifact="org.bytedeco:dnnl:$version:jar:$platform"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && jar xf "$jar" "org/bytedeco/dnnl/$platform/include")
include=$work/org/bytedeco/dnnl/$platform/include

"$jextract" -I "$include" --output "$work/java" --target-package dev.ondine.onednn.ffi --header-class-name dnnl_h \
    "@$bindings/includes.txt" "$include/oneapi/dnnl/dnnl.h"

# Two mechanical changes to what jextract wrote:
# - It calls restricted methods of the foreign function API, that is its purpose, and our build makes warnings errors.
# - C's long is 32 bits wide on Windows. In the functions of includes.txt it stands for size_t and int64_t only (checked
#   here), and those are as wide as long long everywhere: one set of bindings serves every 64-bit platform.
if grep -rnE '[( ](unsigned )?long [a-z_]|\blong\(' "$include/oneapi/dnnl/dnnl.h" "$include/oneapi/dnnl/dnnl_types.h" \
    "$include/oneapi/dnnl/dnnl_common.h" "$include/oneapi/dnnl/dnnl_common_types.h" | grep -v '///'; then
    echo "generate.sh: the headers now use C's long itself; the bindings would be wrong on Windows" >&2
    exit 1
fi
for file in "$work"/java/dev/ondine/onednn/ffi/*.java; do
    sed -i.orig \
        -e 's/^public class /@SuppressWarnings("restricted") public class /' \
        -e 's/ C_LONG = .*get("long");/ C_LONG = C_LONG_LONG;/' \
        "$file"
    rm "$file.orig"
done
grep -q 'C_LONG = C_LONG_LONG;' "$work"/java/dev/ondine/onednn/ffi/*shared.java

rm -rf "$bindings/java/dev/ondine/onednn"
mkdir -p "$bindings/java/dev/ondine"
mv "$work/java/dev/ondine/onednn" "$bindings/java/dev/ondine/onednn"
echo "bindings/java/dev/ondine/onednn: generated from oneDNN's headers in $version"
