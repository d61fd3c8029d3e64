#!/usr/bin/env bash
# compute-sanitizer over the tests of the kernels, a few files at a time: memcheck, racecheck and initcheck. The
# allocator's cache is off, so that every block has its own bounds. Left out is what tests the runtime rather than
# kernels: it provokes errors of the API and holds streams, which the sanitizer runs one after the other. racecheck and
# initcheck also leave out what is made of cuBLASLt's and cuDNN's kernels: the first fails inside them, the second
# does not see what they store by the tensor memory accelerator.
# Usage: tests/sanitize.sh PATH/TO/fusegrad_tests [TOOL...]
set -uo pipefail

program=$1
shift
tools=("$@")
[ $# -gt 0 ] || tools=(memcheck racecheck initcheck)
command -v compute-sanitizer >/dev/null 2>&1 || PATH=$PATH:/usr/local/cuda/bin
command -v compute-sanitizer >/dev/null 2>&1 || {
  echo "sanitize.sh: there is no compute-sanitizer; it comes with the CUDA Toolkit" >&2
  exit 2
}

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
names=$(cd "$(dirname "${BASH_SOURCE[0]}")" && ls test_cuda_*.cpp |
  grep -vE '^test_cuda_(absent|allocator|devices|memory_pool|runtime|host.*|.*_problem)\.cpp$')

check() { # TOOL FILE
  local log=$logs/$1.$2.log status=0
  FUSEGRAD_CUDA_NO_CACHE=1 timeout 600 compute-sanitizer --tool "$1" --error-exitcode 9 --print-limit 20 \
    "$program" --no-colors=1 --source-file="*/$2" >"$log" 2>&1 || status=$?
  # 77: everything in the file skipped itself, and nothing was checked.
  if [ "$status" -eq 0 ]; then
    echo "$1, $2: clean"
  else
    grep -E "^=========|ERROR|test cases" "$log" | grep -v "Host Frame" | head -n 60
    echo "$1, $2: FAILED ($status)"
    return 1
  fi
}
export -f check
export logs program

status=0
for tool in "${tools[@]}"; do
  files=$names
  [ "$tool" = memcheck ] || files=$(grep -vE '^test_cuda_(conv|linear|matmul|recurrent)\.cpp$' <<<"$names")
  xargs -P "$(nproc)" -I{} bash -c "check $tool {}" <<<"$files" || status=1
done
exit "$status"
