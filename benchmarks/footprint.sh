#!/bin/sh
# What fusegrad costs a program: the size of the installed library without symbols, and the time to compile a program of
# three lines, beside libtorch where that is installed. Usage: footprint.sh [BUILD_FOLDER]   (after ./run test, say)
# CXX names the compiler, LIBTORCH the folder of another libtorch than the system's.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1-$root/build/release}
compiler=${CXX-c++}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

megabytes() { awk -v bytes="$1" 'BEGIN { printf "%.1f MB", bytes / 1e6 }'; }

stripped_size() {
  strip --strip-unneeded -o "$work/stripped" "$1"
  wc -c <"$work/stripped"
}

# seconds LABEL FLAG...: processor time of three compilations of $work/hello.cpp, the least of them.
seconds() {
  label=$1
  shift
  best=
  for _ in 1 2 3; do
    # bash's own TIMEFORMAT: user and system time, which other programs on the machine disturb least.
    spent=$(bash -c 'TIMEFORMAT="%U %S"; time "$@" >/dev/null 2>&1' bash "$compiler" "$@" -O2 -c "$work/hello.cpp" \
      -o "$work/hello.o" 2>&1 | awk '{ print $1 + $2 }')
    [ -s "$work/hello.o" ] || { echo "$label: does not compile" && return 1; }
    best=$(printf '%s\n' "$spent" $best | sort -g | head -n 1)
  done
  echo "$label: $best s"
  rm -f "$work/hello.o"
}

hello() {
  printf '#include <iostream>\n\n#include %s\n\nint main() { std::cout << %s::rand({2, 3}) << std::endl; }\n' "$1" "$2" \
    >"$work/hello.cpp"
}

cmake --install "$build" --prefix "$work/installed" >/dev/null
find "$work/installed" \( -name 'libfusegrad.so.*.*.*' -o -name 'libfusegrad.a' \) | while read -r library; do
  echo "${library##*/}, stripped: $(megabytes "$(stripped_size "$library")")"
done
echo "headers: $(megabytes "$(find "$work/installed/include" -type f -exec cat {} + | wc -c)")"
libtorch=${LIBTORCH-/usr}
for library in "$libtorch"/lib/libtorch_cpu.so "$libtorch"/lib/*/libtorch_cpu.so; do
  [ -e "$library" ] && echo "libtorch's ${library##*/}, stripped: $(megabytes "$(stripped_size "$library")")"
done

include=$(find "$work/installed" -name fusegrad.h -printf '%h\n')
ours="-std=c++20 -fopenmp -DFUSEGRAD_CUDA_ENABLED=0 -I$include/compat -I$include"
echo "Three lines, compiled by $("$compiler" --version | head -n 1), processor time:"
hello '"fusegrad.h"' fg
# shellcheck disable=SC2086
seconds "fusegrad.h" $ours
hello '<torch/torch.h>' torch
# shellcheck disable=SC2086
seconds "torch/torch.h of fusegrad" $ours
if [ -e "$libtorch/include/torch/csrc/api/include/torch/torch.h" ]; then
  seconds "torch/torch.h of libtorch" -std=c++17 -I"$libtorch/include" -I"$libtorch/include/torch/csrc/api/include"
fi
