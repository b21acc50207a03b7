#!/bin/sh
# Builds native/ into native/build/libondine.so (.dylib on a Mac), where Ondine looks for it.
# Needs a C compiler, better with OpenMP; CMake is used if it is there. Optional: without the library, Java does the work.
set -eu

cd "$(dirname "$0")/native"
mkdir -p build
case "$(uname -s)" in
    Darwin) library=build/libondine.dylib ;;
    *) library=build/libondine.so ;;
esac

if command -v cmake >/dev/null 2>&1; then
    cmake -S . -B build -DCMAKE_BUILD_TYPE=Release >build/cmake.log || { cat build/cmake.log >&2; exit 1; }
    cmake --build build >build/build.log 2>&1 || { cat build/build.log >&2; exit 1; }
else
    cc=${CC:-cc}
    command -v "$cc" >/dev/null 2>&1 || { echo "build-native.sh: no C compiler. Install gcc or clang, or set CC." >&2; exit 1; }
    # The flags of CMakeLists.txt; see there for their reasons.
    flags="-std=gnu11 -O3 -fPIC -fvisibility=hidden -ffp-contract=off -fno-math-errno -fno-trapping-math -Wall -Wextra"
    # Linked under another name and moved: a running JVM keeps the library it has mapped.
    # shellcheck disable=SC2086 # flags are words
    if ! "$cc" $flags -fopenmp -shared -Iinclude src/ondine_kernels.c -o "$library.new" -lm 2>build/build.log; then
        echo "build-native.sh: no OpenMP with $cc; the kernels will run on one thread." >&2
        # shellcheck disable=SC2086
        "$cc" $flags -Wno-unknown-pragmas -shared -Iinclude src/ondine_kernels.c -o "$library.new" -lm
    fi
    mv -f "$library.new" "$library"
fi
echo "native/$library"
