#!/bin/sh
# The training programs as a user meets them: what a run leaves behind, a killed run that is resumed,
# and one clear line with exit status 2 for bad input. Usage: examples.sh FOLDER_OF_THE_PROGRAMS
set -u
programs=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# refuses TEXT PROGRAM ARGUMENT...: exit status 2, one line on stderr that begins with the program and holds TEXT.
refuses() {
  text=$1
  program=$2
  shift 2
  "$programs/$program" "$@" >out.txt 2>err.txt
  status=$?
  [ $status -eq 2 ] || fail "$program $*: exit status $status instead of 2"
  [ "$(wc -l <err.txt)" -eq 1 ] || fail "$program $*: not one line on stderr: $(cat err.txt)"
  grep -q "^$program: .*$text" err.txt || fail "$program $*: expected '$text', got '$(cat err.txt)'"
}

# --- a run, and the same run killed and resumed ---
"$programs/digits_mlp" --epochs 6 --out whole >whole.txt || fail "digits_mlp: exit status $?"
grep -q '^test accuracy 9[0-9]' whole.txt || fail "digits_mlp: $(tail -n 1 whole.txt)"
[ "$(grep -c '^epoch' whole.txt)" -eq 6 ] || fail "digits_mlp: not one plain line per epoch"
[ "$(wc -l <whole/log.csv)" -eq 7 ] || fail "log.csv has $(wc -l <whole/log.csv) lines"
[ "$(wc -l <whole/log.jsonl)" -eq 6 ] || fail "log.jsonl has $(wc -l <whole/log.jsonl) lines"
grep -q '</svg>' whole/curve.svg || fail "curve.svg is not whole"

"$programs/digits_mlp" --epochs 6 --out killed >/dev/null &
pid=$!
tries=0
until [ -e killed/checkpoint.safetensors ] || [ $tries -ge 600 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
"$programs/digits_mlp" --epochs 6 --out killed --resume killed/checkpoint.safetensors >/dev/null ||
  fail "--resume: exit status $?"
cmp -s whole/weights.safetensors killed/weights.safetensors || fail "a resumed run ends with other weights"
cut -d, -f1-5 whole/log.csv >a.txt
cut -d, -f1-5 killed/log.csv >b.txt
cmp -s a.txt b.txt || fail "a resumed run leaves another log"

# --- pictures ---
"$programs/spirals" --epochs 1 --points 20 --out spirals >/dev/null || fail "spirals: exit status $?"
"$programs/vae" --epochs 1 --out vae >/dev/null || fail "vae: exit status $?"
for picture in spirals/regions.png vae/samples.png; do
  [ "$(head -c 4 $picture | tail -c 3)" = PNG ] || fail "$picture is no PNG"
done
"$programs/char_gpt" --steps 2 --layers 1 --width 16 --sample-length 30 --out gpt >gpt.txt ||
  fail "char_gpt: exit status $?"
grep -q '^Emma ' gpt.txt || fail "char_gpt: no sample"

# --- bad input ---
for program in digits_mlp mnist_cnn char_gpt vae spirals; do
  refuses 'not expected: --no-such-flag' $program --no-such-flag
  refuses "expected a number above 0, got '0'" $program --batch-size 0
  refuses "expected a number not below 0, got 'x'" $program --lr x
  refuses 'tpu not in' $program --device tpu
done
refuses 'root must hold train-images-idx3-ubyte' mnist_cnn --data missing
refuses 'cannot open missing.safetensors' digits_mlp --resume missing.safetensors
refuses 'missing' digits_mlp --data missing
refuses 'missing' char_gpt --data missing
refuses 'expected a number' digits_mlp --data whole.txt
refuses 'must be a checkpoint of vae' vae --resume whole/checkpoint.safetensors
refuses 'is no checkpoint' digits_mlp --resume whole/weights.safetensors
head -c 500 whole/checkpoint.safetensors >short.safetensors
refuses 'short.safetensors' digits_mlp --resume short.safetensors
refuses 'must be a multiple of --heads 3' char_gpt --heads 3
refuses 'must not be empty' char_gpt --prompt ''
refuses 'vocabulary' char_gpt --prompt '@'
refuses 'cannot make the folder' digits_mlp --out whole/log.csv/x
mkdir images
printf '\000\000\010\003\000\000\000\012' >images/train-images-idx3-ubyte
refuses 'train-images-idx3-ubyte' mnist_cnn --data images

[ $failures -eq 0 ] && echo 'examples: all as expected'
exit $((failures > 0))
