#!/bin/sh
# Regenerates bindings/java/dev/ondine/io/onnx/proto, the messages of ONNX files, from onnx.proto of the pinned release of ONNX (its wheel
# in Python's package index holds the file) with the protoc that belongs to pom.xml's protobuf.version.
#   bindings/generate-onnx.sh        (needs pip and Maven)
set -eu

onnx=1.23.1
sha256=547214dd049486a4d5ecbae593e9c72d90b5e8d603944b722eff469e0b5a9cc9
platform=linux-x86_64 # of protoc; the classes are the same whatever it runs on

bindings=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$bindings")

evaluate() {
    # Maven may end its answer with the escape sequence that resets the colours.
    mvn -q -B -f "$root/pom.xml" help:evaluate -DforceStdout -Dexpression="$1" | sed "s/$(printf '\033')\[[0-9;]*m//g"
}
version=$(evaluate protobuf.version)
repository=$(evaluate settings.localRepository)
protoc=$repository/com/google/protobuf/protoc/$version/protoc-$version-$platform.exe
[ -f "$protoc" ] || mvn -q -B dependency:get -Dtransitive=false \
    -Dartifact="com.google.protobuf:protoc:$version:exe:$platform"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pip download -q --no-deps --only-binary :all: -d "$work" "onnx==$onnx"
(cd "$work" && jar xf onnx-*.whl onnx/onnx.proto)
echo "$sha256  $work/onnx/onnx.proto" | sha256sum -c --quiet

# The classes without the comments, which ONNX's own documentation has, and in a package of ours.
sed -e 's,//.*,,' -e 's/^package onnx;/&\noption java_package = "dev.ondine.io.onnx.proto";/' \
    -e 's/^syntax.*/&\noption java_multiple_files = true;\noption java_outer_classname = "OnnxProto";/' \
    "$work/onnx/onnx.proto" > "$work/onnx.proto"
cp "$protoc" "$work/protoc"
chmod +x "$work/protoc"
"$work/protoc" --proto_path="$work" --java_out="$work" "$work/onnx.proto"

# A mechanical change: our build makes warnings errors, and those that javac has for generated code are nobody's to mend.
for file in "$work"/dev/ondine/io/onnx/proto/*.java; do
    sed -i.orig -E -e 's/^(public +(final )?(class|interface|enum) )/@SuppressWarnings("all") \1/' -e 's/[ \t]+$//' "$file"
    rm "$file.orig"
done
rm -rf "$bindings/java/dev/ondine/io/onnx/proto"
mkdir -p "$bindings/java/dev/ondine/io/onnx"
mv "$work/dev/ondine/io/onnx/proto" "$bindings/java/dev/ondine/io/onnx/proto"
echo "bindings/java/dev/ondine/io/onnx/proto: generated from onnx.proto of ONNX $onnx by protoc $version"
