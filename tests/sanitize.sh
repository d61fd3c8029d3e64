#!/usr/bin/env bash
# compute-sanitizer over the tests of the kernels: memcheck, racecheck and initcheck. The allocator's cache is
# off, so that every block has its own bounds. Usage: tests/sanitize.sh PATH/TO/fusegrad_tests
set -euo pipefail

program=$1
command -v compute-sanitizer >/dev/null 2>&1 || PATH=$PATH:/usr/local/cuda/bin
command -v compute-sanitizer >/dev/null 2>&1 || {
  echo "sanitize.sh: there is no compute-sanitizer; it comes with the CUDA Toolkit" >&2
  exit 2
}

export FUSEGRAD_CUDA_NO_CACHE=1 FUSEGRAD_TEST_DEVICE=cuda
status=0
for tool in memcheck racecheck initcheck; do
  echo "== $tool"
  if compute-sanitizer --tool "$tool" --error-exitcode 9 --print-limit 20 \
    "$program" --no-colors=1 --source-file='*/test_cuda_*' --test-case-exclude='*slow*'; then
    echo "$tool: clean"
  else
    echo "$tool: FAILED"
    status=1
  fi
done
exit "$status"
