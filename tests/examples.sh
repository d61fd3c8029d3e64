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

# --- TensorBoard's files, and the tape as a graph ---
"$programs/digits_mlp" --epochs 1 --no-progress --out board --tensorboard board/events >/dev/null ||
  fail "--tensorboard: exit status $?"
for word in train_loss parameters/1.weight samples_per_second Sequential/1/weight; do
  grep -aq "$word" board/events/events.out.tfevents.* || fail "--tensorboard: no $word in the events"
done
grep -aq '_hparams_/session_start_info' board/events/final/events.out.tfevents.* || fail "--tensorboard: no hparams"
"$programs/reference_models" --model linear_group_norm --steps 1 --dot tape.dot --tensorboard board/reference >/dev/null ||
  fail "--dot: exit status $?"
grep -aq loss board/reference/events.out.tfevents.* || fail "--tensorboard: no loss in the events"
grep -q 'fused' tape.dot || fail "--dot: no fused node in $(cat tape.dot)"

# --- mixed precision ---
for amp in bf16 fp16; do
  "$programs/digits_mlp" --epochs 6 --amp $amp --out $amp >$amp.txt || fail "digits_mlp --amp $amp: exit status $?"
  grep -q '^test accuracy 9[0-9]' $amp.txt || fail "digits_mlp --amp $amp: $(tail -n 1 $amp.txt)"
  cmp -s whole/weights.safetensors $amp/weights.safetensors && fail "--amp $amp has no effect"
  "$programs/spirals" --epochs 1 --points 20 --amp $amp --out s$amp >/dev/null || fail "spirals --amp $amp: exit status $?"
  "$programs/vae" --epochs 1 --amp $amp --out v$amp >/dev/null || fail "vae --amp $amp: exit status $?"
  "$programs/char_gpt" --steps 2 --layers 1 --width 16 --sample-length 30 --amp $amp --out g$amp >/dev/null ||
    fail "char_gpt --amp $amp: exit status $?"
done
"$programs/digits_mlp" --epochs 7 --amp fp16 --out more --resume fp16/checkpoint.safetensors >/dev/null ||
  fail "--amp fp16 --resume: exit status $?"

# --- a profile: the table on stdout, the trace in the file ---
for program in digits_mlp vae spirals; do
  "$programs/$program" --epochs 1 --out profiled --profile $program.json >profile.txt || fail "$program --profile: exit status $?"
  grep -q '^Name .*Self CPU %.*CPU Mem' profile.txt || fail "$program --profile: no table"
  grep -q '^linear ' profile.txt || fail "$program --profile: no row of linear"
  grep -q '"name":"ProfilerStep#7"' $program.json || fail "$program --profile: no eighth step"
  grep -q '"name":"ProfilerStep#8"' $program.json && fail "$program --profile: more than five steps"
done
"$programs/char_gpt" --steps 9 --layers 1 --width 16 --sample-length 3 --out gpt --profile gpt.json >profile.txt ||
  fail "char_gpt --profile: exit status $?"
grep -q '"name":"scaled_dot_product_attention"' gpt.json || fail "char_gpt --profile: no attention"
"$programs/reference_models" --model linear_logsumexp --steps 8 --profile model.json >profile.txt ||
  fail "reference_models --profile: exit status $?"
grep -q 'LinearLogsumexpLeakyRelu2Gelu2Backward' model.json || fail "reference_models --profile: no fused node"
"$programs/reference_models" --model linear_logsumexp --steps 3 --profile short.json >profile.txt
grep -q 'nothing was recorded' profile.txt || fail "reference_models --profile: silent about too few steps"

# --- the reference models: both forms, and a run that goes on from what another saved ---
for model in conv3d_chain conv_transpose3d_pool linear_group_norm linear_logsumexp; do
  for form in fused composed; do
    "$programs/reference_models" --model $model --$form --steps 6 --lr 0.01 --dtype float64 >$form.txt ||
      fail "reference_models --model $model --$form: exit status $?"
    [ "$(grep -c '^step' $form.txt)" -eq 6 ] || fail "$model --$form: not six losses"
  done
  grep '^step' fused.txt | cut -c1-22 >a.txt
  grep '^step' composed.txt | cut -c1-22 >b.txt
  cmp -s a.txt b.txt || fail "$model: fused and composed differ"
  "$programs/reference_models" --model $model --steps 3 --lr 0.01 --dtype float64 --save half.safetensors >/dev/null
  "$programs/reference_models" --model $model --steps 3 --lr 0.01 --dtype float64 --load half.safetensors >half.txt
  [ "$(grep '^step 3' half.txt | cut -d' ' -f5)" = "$(grep '^step 6' fused.txt | cut -d' ' -f5)" ] ||
    fail "$model: --load does not go on from --save"
  for dtype in float32 bfloat16 float16; do
    "$programs/reference_models" --model $model --steps 2 --dtype $dtype --optimizer adamw >/dev/null ||
      fail "reference_models --model $model --dtype $dtype: exit status $?"
  done
done
"$programs/reference_models" --model conv3d_chain --size 2,3,5,4,6,9 --steps 1 >/dev/null || fail "--size with channels"

# --- bad input ---
refuses '--model is required' reference_models
refuses 'conv9d_chain not in' reference_models --model conv9d_chain
refuses "small or positive extents, got 'huge'" reference_models --model conv3d_chain --size huge
refuses "small or positive extents, got '4,-3'" reference_models --model linear_logsumexp --size 4,-3
refuses 'must have 5 extents of the input' reference_models --model conv3d_chain --size 4,3
refuses 'must not be larger than the padded input' reference_models --model conv3d_chain --size 1,1,2,2,2
refuses 'num_groups' reference_models --model linear_group_norm --groups 7
refuses 'int8 not in' reference_models --model linear_logsumexp --dtype int8
refuses 'lion not in' reference_models --model linear_logsumexp --optimizer lion
refuses "expected a number above 0, got '0'" reference_models --model linear_logsumexp --steps 0
refuses 'cannot open missing.safetensors' reference_models --model linear_logsumexp --load missing.safetensors
refuses 'must be input, target or a parameter of' reference_models --model conv3d_chain --load half.safetensors
refuses 'missing' reference_models --model linear_logsumexp --steps 1 --save missing/out.safetensors
for program in digits_mlp mnist_cnn char_gpt vae spirals; do
  refuses 'not expected: --no-such-flag' $program --no-such-flag
  refuses "expected a number above 0, got '0'" $program --batch-size 0
  refuses "expected a number not below 0, got 'x'" $program --lr x
  refuses 'tpu not in' $program --device tpu
  refuses 'fp8 not in' $program --amp fp8
done
refuses '--profile: ' digits_mlp --profile missing/trace.json
refuses '--profile: ' reference_models --model linear_logsumexp --profile missing/trace.json
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
refuses 'cannot make the folder' digits_mlp --tensorboard whole/log.csv/x
refuses 'cannot write missing/tape.dot' reference_models --model linear_logsumexp --dot missing/tape.dot
mkdir images
printf '\000\000\010\003\000\000\000\012' >images/train-images-idx3-ubyte
refuses 'train-images-idx3-ubyte' mnist_cnn --data images

[ $failures -eq 0 ] && echo 'examples: all as expected'
exit $((failures > 0))
