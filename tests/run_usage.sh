#!/bin/sh
# What ./run does with commands and flags it does not know: a usage message, exit status 2.
# CTest runs this with the repository's root as the argument.
set -u
run=$1/run
failed=0

expect() {
  status=$1 text=$2
  shift 2
  output=$("$run" "$@" 2>&1 </dev/null)
  actual=$?
  if [ "$actual" -ne "$status" ] || ! printf '%s\n' "$output" | grep -qF -e "$text"; then
    printf '%s\n' "run $*: expected exit status $status and \"$text\", got $actual and:" "$output"
    failed=1
  fi
}

expect 0 "Usage: ./run COMMAND" help
expect 0 "Usage: ./run COMMAND"
expect 2 "unknown command 'trian'" trian
expect 0 "digits_mlp" train --help
expect 2 "no example named 'no_such_example'" train no_such_example
expect 2 "unknown flag '--no-such-flag'" test --no-such-flag
expect 2 "-L needs a value" test -L
expect 2 "unknown flag '--no-such-flag'" test --cuda-host --asan --no-such-flag
expect 2 "unknown argument '--chek'" format --chek
expect 2 "unknown flag '--no-such-flag'" gpu-test --record --no-such-flag
PYTHON=no_such_python expect 2 "PYTHON=no_such_python cannot import torch" compare
PYTHON=no_such_python expect 2 "compare.py compares with PyTorch, which no_such_python cannot import" bench steps
expect 2 "docs takes no argument, got 'x'" docs x
expect 2 "fuzz takes a number of seconds, got 'ten'" fuzz ten
exit "$failed"
