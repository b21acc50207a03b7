#!/bin/sh
# Builds native/ into native/build/libondine.so (.dylib on a Mac), where Ondine looks for it.
# Needs a C compiler, better with OpenMP; CMake is used if it is there. Optional: without the library, Java does the work.
#
# With ONDINE_DNNL_INCLUDE (the folder that holds oneapi/dnnl/dnnl.h) and ONDINE_DNNL_LIBRARY (libdnnl.so.3 itself) it builds
# native/build/ondine_sequence as well, a program that bench/crossing.sh times.
set -eu

cd "$(dirname "$0")/native"
mkdir -p build
case "$(uname -s)" in
    Darwin) library=build/libondine.dylib ;;
    *) library=build/libondine.so ;;
esac

if command -v cmake >/dev/null 2>&1; then
    cmake -S . -B build -DCMAKE_BUILD_TYPE=Release "-DONDINE_DNNL_INCLUDE=${ONDINE_DNNL_INCLUDE:-}" \
        "-DONDINE_DNNL_LIBRARY=${ONDINE_DNNL_LIBRARY:-}" >build/cmake.log || { cat build/cmake.log >&2; exit 1; }
    cmake --build build >build/build.log 2>&1 || { cat build/build.log >&2; exit 1; }
else
    cc=${CC:-cc}
    command -v "$cc" >/dev/null 2>&1 || { echo "build-native.sh: no C compiler. Install gcc or clang, or set CC." >&2; exit 1; }
    # The flags of CMakeLists.txt; see there for their reasons.
    flags="-std=gnu11 -O3 -fPIC -fvisibility=hidden -ffp-contract=off -fno-math-errno -fno-trapping-math -Wall -Wextra"
    # Linked under another name and moved: a running JVM keeps the library it has mapped.
    # shellcheck disable=SC2086 # flags are words
    if ! "$cc" $flags -fopenmp -shared -Iinclude src/ondine_kernels.c src/ondine_batch_norm.c src/ondine_convolution.c src/ondine_residual.c src/ondine_sequence.c src/ondine_peak.c -o "$library.new" -lm 2>build/build.log; then
        echo "build-native.sh: no OpenMP with $cc; the kernels will run on one thread." >&2
        # shellcheck disable=SC2086
        "$cc" $flags -Wno-unknown-pragmas -shared -Iinclude src/ondine_kernels.c src/ondine_batch_norm.c src/ondine_convolution.c src/ondine_residual.c src/ondine_sequence.c src/ondine_peak.c -o "$library.new" -lm
    fi
    mv -f "$library.new" "$library"
    if [ -n "${ONDINE_DNNL_INCLUDE:-}" ] && [ -n "${ONDINE_DNNL_LIBRARY:-}" ]; then
        "$cc" -std=gnu11 -O2 -Wall -Wextra -fopenmp "-I$ONDINE_DNNL_INCLUDE" src/sequence_program.c -o build/ondine_sequence \
            "$ONDINE_DNNL_LIBRARY" "-Wl,-rpath,$(dirname "$ONDINE_DNNL_LIBRARY")"
    fi
fi
echo "native/$library"
