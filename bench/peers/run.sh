#!/bin/sh
# The same workloads on other libraries of the JVM, fetched by Maven when they are asked for:
#
#   bench/peers/run.sh djl                       DJL with PyTorch: resnet20, mlp, bn
#   bench/peers/run.sh dl4j mlp                  Deeplearning4j: resnet20, mlp, autoencoder, bn
#   bench/peers/run.sh djl resnet20 mlp --seconds 20 --threads 1
#
# A line for each workload, like torch_bench.py's. Both are some hundred megabytes.
set -eu

here=$(CDPATH='' cd -- "$(dirname "$0")" && pwd -P)
usage() { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ $# -gt 0 ] || usage
peer=$1
shift
case $peer in
    djl) class=dev.ondine.peers.djl.DjlBench ;;
    dl4j) class=dev.ondine.peers.dl4j.Dl4jBench ;;
    *) usage ;;
esac
seconds=10
threads=$(getconf _NPROCESSORS_ONLN)
workloads=
while [ $# -gt 0 ]; do
    case $1 in
        --seconds) seconds=$2; shift 2 ;;
        --threads) threads=$2; shift 2 ;;
        -*) usage ;;
        *) workloads="$workloads $1"; shift ;;
    esac
done
# DJL looks for everything in this folder and, offline, nowhere else; it counts its users unless it is told not to.
export OMP_NUM_THREADS="$threads" DJL_CACHE_DIR="$here/$peer/target/cache" OPT_OUT_TRACKING=true
for workload in ${workloads:-resnet20 mlp autoencoder bn}; do
    # compile: Maven then runs the JDK that its toolchains found, not its own.
    mvn -B -ntp -q -f "$here/$peer/pom.xml" compile exec:exec </dev/null \
        "-Dexec.args=--enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow -Dai.djl.offline=true -cp %classpath $class $workload $seconds $threads"
done
