#!/bin/sh
# The installed library as its users meet it. Usage: check.sh CASE BUILD_FOLDER REPOSITORY COMPILER
# `tree` installs the build, moves the folder away from where it was installed, and looks it over; the other cases
# use what it leaves behind.
set -eu
case=$1
build=$2
root=$3
compiler=$4
work=$build/install_check
prefix=$work/moved

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# fails_with TEXT COMMAND...: the command fails, and its output (as one line) holds TEXT.
fails_with() {
  text=$1
  shift
  if "$@" >"$work/out.txt" 2>&1; then fail "$*: succeeded, expected '$text'"; fi
  tr -s ' \n' '  ' <"$work/out.txt" | grep -qF -e "$text" || {
    cat "$work/out.txt" >&2
    fail "$*: no '$text' in its output"
  }
}

# configure FOLDER FROM [FLAGS...]
configure() {
  rm -rf "${work:?}/$1"
  folder=$work/$1
  from=$2
  shift 2
  cmake -S "$root/tests/install/consumer" -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE="${build_type:-Release}" -DCMAKE_CXX_COMPILER="$compiler" \
    -DFROM="$from" "$@"
}

package() {
  folder=$1
  shift
  configure "$folder" package -DCMAKE_PREFIX_PATH="$prefix" "$@"
}

# run_consumers FOLDER: both programs do what they should, beside no other fusegrad.
run_consumers() {
  cd "$1"
  [ "$(./plain)" = 'plain: trained' ] || fail "plain says '$(./plain)'"
  [ "$(./libtorch_style)" = 'libtorch_style: [2, 3]' ] || fail "libtorch_style says '$(./libtorch_style)'"
}

check_tree() {
  rm -rf "$work"
  cuda=no
  grep -q '^set(_cuda_version "")' "$build/fusegradConfig.cmake" || cuda=yes
  cmake --install "$build" --prefix "$work/installed" >/dev/null
  for path in "$root" "$build" "$work"; do
    if grep -rlF -e "$path" "$work/installed"; then fail "these installed files name $path"; fi
  done
  mv "$work/installed" "$prefix"
  for header in "$prefix"/include/*; do
    [ "$header" = "$prefix/include/fusegrad" ] || fail "$header is beside the folder of fusegrad's headers"
  done
  library=$(find "$prefix" -name 'libfusegrad.so')
  version=$(sed -n 's/^Version: //p' "$(find "$prefix" -name fusegrad.pc)")
  strip -o "$work/stripped.so" "$library"
  bytes=$(wc -c <"$work/stripped.so")
  [ "$cuda" = yes ] || [ "$bytes" -le 15000000 ] || fail "the shared library has $bytes bytes without symbols, more than 15 MB"
  objdump -p "$library" | grep -q "SONAME *libfusegrad.so.${version%.*}\$" || fail "no SONAME with version ${version%.*}"
  if objdump -p "$library" | grep -E 'RPATH|RUNPATH'; then fail "the library looks for others in fixed places"; fi
  if nm -D --defined-only "$library" | grep -E ' [A-Z] _Z(N|NK|TI|TS|TV)?(St|S[abdios]|5Eigen|8nlohmann)[^ ]*$' | grep -v 2fg; then
    fail "the library shows instances of other libraries' templates"
  fi
  if nm "$(find "$prefix" -name libfusegrad.a)" 2>/dev/null | grep 5Eigen; then fail "Eigen's names are not our own"; fi
}

check_find_package() {
  for kind in static shared; do
    package "$kind" -DWANTED_VERSION="$version" -DWANTED_COMPONENTS=$kind
    cmake --build "$work/$kind"
    run_consumers "$work/$kind"
  done
  objdump -p "$work/shared/plain" | grep -q 'NEEDED *libfusegrad.so' || fail "component shared linked the static library"
  if objdump -p "$work/static/plain" | grep 'NEEDED *libfusegrad.so'; then fail "component static linked the shared library"; fi
}

check_pkg_config() {
  PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name fusegrad.pc)")
  export PKG_CONFIG_PATH
  libraries=$(pkg-config --variable=libdir fusegrad)
  rm -rf "$work/pkg_config"
  mkdir "$work/pkg_config"
  cd "$root/tests/install/consumer"
  # The static library is chosen by its file's name.
  # shellcheck disable=SC2046
  "$compiler" -std=c++20 -o "$work/pkg_config/plain" plain.cpp $(pkg-config --cflags fusegrad) \
    $(pkg-config --static --libs fusegrad | sed 's/-lfusegrad/-l:libfusegrad.a/')
  # shellcheck disable=SC2046
  "$compiler" -std=c++20 -o "$work/pkg_config/libtorch_style" libtorch_style.cpp -Wl,-rpath,"$libraries" \
    $(pkg-config --cflags --libs fusegrad-torch)
  run_consumers "$work/pkg_config"
}

# Whole builds of the library cost minutes: these two configure it and compile the consumer's own files, which shows that
# headers, definitions and flags arrive.
check_subproject() {
  build_type=Debug
  configure "$1" "$1" -DFUSEGRAD_SOURCE="$root" -DFUSEGRAD_CUDA=OFF
  cmake --build "$work/$1" --target CMakeFiles/plain.dir/plain.cpp.o CMakeFiles/libtorch_style.dir/libtorch_style.cpp.o
  cmake --build "$work/$1" --target help | grep -q '^fusegrad: ' || fail "no target fusegrad"
  if cmake --build "$work/$1" --target help | grep '^fusegrad_tests: '; then fail "a user's build has our tests"; fi
}

check_refusals() {
  fails_with 'but no `gpu`' package refused -DWANTED_COMPONENTS=gpu
  fails_with 'fusegradConfig.cmake, version: ' package refused -DWANTED_VERSION=99.0
  # The same package as one that was built with CUDA, on a machine without.
  config=$(find "$prefix" -name fusegradConfig.cmake)
  cp -R "$prefix" "$work/with_cuda"
  config=$work/with_cuda${config#"$prefix"}
  sed 's/^set(_cuda_version "[^"]*")/set(_cuda_version "13.0.48")/' "$config" >"$work/config.cmake"
  mv "$work/config.cmake" "$config"
  fails_with 'was built with CUDA 13.0.48: programs that use it need the CUDA Toolkit 13 or later (found: ``)' \
    configure refused package -DCMAKE_PREFIX_PATH="$work/with_cuda" -DCMAKE_DISABLE_FIND_PACKAGE_CUDAToolkit=ON
  rm -rf "$work/with_cuda"
  if grep -q '^set(_cuda_version "")' "$(find "$prefix" -name fusegradConfig.cmake)"; then
    fails_with 'installed without the component `cuda`' package refused -DWANTED_COMPONENTS=cuda
  fi
}

# One object made with the headers of another version does not link.
check_versions() {
  include=$work/other_version
  rm -rf "$include"
  cp -R "$prefix/include/fusegrad" "$include"
  sed 's/inline namespace v[0-9_]*/inline namespace v9_7/' "$include/fusegrad/version.h" >"$work/version.h"
  mv "$work/version.h" "$include/fusegrad/version.h"
  printf '%s\n' '#include "tensor/factories.h"' 'int main() { return fg::ones({2}).sum().item<int>() - 2; }' >"$work/sum.cpp"
  for headers in "$prefix/include/fusegrad" "$include"; do
    "$compiler" -std=c++20 -O0 -fopenmp -DFUSEGRAD_CUDA_ENABLED=0 -I"$headers" -c "$work/sum.cpp" -o "$work/sum.o"
    set -- "$compiler" -fopenmp "$work/sum.o" -o "$work/sum" "$(find "$prefix" -name libfusegrad.so)"
    if [ "$headers" = "$include" ]; then
      fails_with 'v9_7::Tensor' "$@"
    else
      "$@"
    fi
  done
  rm -rf "$include"
}

# The Debian packages: what they hold, what they depend on, and that both together are the installed tree.
check_package() {
  rm -rf "$work/packages"
  cpack -G DEB --config "$build/CPackConfig.cmake" -B "$work/packages" >"$work/cpack.log" 2>&1 || {
    cat "$work/cpack.log" >&2
    fail "cpack: exit status $?"
  }
  version=$(sed -n 's/^Version: //p' "$(find "$prefix" -name fusegrad.pc)")
  runtime=$(find "$work/packages" -maxdepth 1 -name "libfusegrad${version%.*}_${version}_*.deb")
  development=$(find "$work/packages" -maxdepth 1 -name "libfusegrad-dev_${version}_*.deb")
  depends=$(dpkg-deb -f "$runtime" Depends)
  for library in libc6 libstdc++6 libgomp1 libzip zlib1g; do
    case $depends in *"$library"*) ;; *) fail "the library's package does not depend on $library: $depends" ;; esac
  done
  dpkg-deb -f "$development" Depends | grep -q "libfusegrad${version%.*} (= $version)" || fail "libfusegrad-dev stands alone"
  for field in Maintainer Description Section Architecture; do
    [ -n "$(dpkg-deb -f "$runtime" $field)" ] || fail "no $field"
  done
  dpkg-deb -c "$runtime" >"$work/runtime.txt"
  grep -q "libfusegrad.so.$version\$" "$work/runtime.txt" || fail "no library in $runtime"
  if grep -E '/include/|libfusegrad\.(a|so ->)' "$work/runtime.txt"; then fail "development files in $runtime"; fi
  dpkg-deb -x "$runtime" "$work/packages/unpacked"
  dpkg-deb -x "$development" "$work/packages/unpacked"
  (cd "$prefix" && find . -type f -o -type l | sort) >"$work/installed.txt"
  (cd "$work/packages/unpacked/usr" && find . -type f -o -type l | sort) >"$work/packaged.txt"
  diff "$work/installed.txt" "$work/packaged.txt" || fail "the packages hold other files than the installed tree"
  dpkg-deb -I "$runtime" shlibs >/dev/null || fail "no shlibs file, by which others would find $runtime"
}

case $case in
  versions) check_versions ;;
  package) check_package ;;
  tree) check_tree ;;
  find_package)
    version=$(sed -n 's/^Version: //p' "$(find "$prefix" -name fusegrad.pc)")
    check_find_package
    ;;
  pkg_config) check_pkg_config ;;
  add_subdirectory) check_subproject subdirectory ;;
  fetch_content) check_subproject fetch ;;
  refusals) check_refusals ;;
  *) fail "unknown case $case" ;;
esac
