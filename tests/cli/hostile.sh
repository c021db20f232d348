#!/bin/sh
# Input that is wrong in some way: the message says where, the exit code says what kind, and nothing is left behind.
. "$(dirname "$0")/check.sh"

"$FIDUCL" synth --out faces --count 30 --seed 1 --quiet || fail "no faces"
images=faces/face_images.npz keypoints=faces/facial_keypoints.csv

# refused CODE TEXT: what is in bad/ is refused by analyze and prepare, with the same message.
refused() {
  for command in analyze prepare; do
    expect "$1" "$2" $command bad --out out
    [ -e out ] && fail "$command left a folder behind: $2"
  done
  rm -rf bad out
}
begin() {
  mkdir -p bad && cp $images $keypoints bad/
}

begin; rm bad/face_images.npz; refused 3 "no .npz or .npy file was found"
begin; head -c 3000 $images >bad/face_images.npz; refused 3 "face_images.npz"
begin; printf 'PK not really' >bad/face_images.npz; refused 3 "face_images.npz"
begin; : >bad/face_images.npz; refused 3 "face_images.npz"
begin; : >bad/facial_keypoints.csv; refused 3 "facial_keypoints.csv"
begin; sed '1s/nose_tip_x/nose_x/' $keypoints >bad/facial_keypoints.csv; refused 3 "nose_x"
begin; sed '1s/nose_tip_x/nose_tip_y/' $keypoints >bad/facial_keypoints.csv; refused 3 "nose_tip_y"
begin; cut -d, -f1-29 $keypoints >bad/facial_keypoints.csv; refused 3 "mouth_center_bottom_lip_y"
begin; sed '7s/^[^,]*/1px/' $keypoints >bad/facial_keypoints.csv; refused 3 "facial_keypoints.csv:7:1"
begin; sed '7s/^[^,]*/nan/' $keypoints >bad/facial_keypoints.csv; refused 3 "facial_keypoints.csv:7:1"
begin; sed '9s/^[^,]*/40000/' $keypoints >bad/facial_keypoints.csv; refused 3 "facial_keypoints.csv:9:1"
begin; sed '9s/$/,1/' $keypoints >bad/facial_keypoints.csv; refused 3 "facial_keypoints.csv:9"
begin; sed '9s/,[^,]*$//' $keypoints >bad/facial_keypoints.csv; refused 3 "facial_keypoints.csv:9"
begin; sed '9s/^/"/' $keypoints >bad/facial_keypoints.csv; refused 3 "facial_keypoints.csv"
begin; sed '$d' $keypoints >bad/facial_keypoints.csv; refused 3 "30"
begin; (cat $keypoints; tail -n 1 $keypoints) >bad/facial_keypoints.csv; refused 3 "30"
begin; (head -n 5 $keypoints; printf '\0,1\n') >bad/facial_keypoints.csv; refused 3 "facial_keypoints.csv:6"

# What is only unusual is read: CRLF, a byte-order mark, quotes, rows without any label.
begin
(printf '\357\273\277'; sed -e '3s/^[^,]*/"50.5"/' -e '4s/[^,]//g' -e 's/$/\r/' $keypoints) >bad/facial_keypoints.csv
expect 0 "30 images analyzed" analyze bad --out out
expect 0 "" prepare bad --out prepared_odd --split 20,5,5
grep -q '"unlabelled_rows": 1' prepared_odd/validation.json || fail "an unlabelled row is not reported"
rm -rf bad out

"$FIDUCL" prepare faces --out prepared --split 20,5,5 --quiet >/dev/null || fail "not prepared"
expect 2 "a split into 30, 5 and 5 rows" prepare faces --out none --split 30,5,5
expect 2 "" prepare faces --out none --split nonsense
expect 3 "identity" prepare faces --out none --split 20,5,5 --group-by faces/facial_keypoints.csv:identity
[ -e none ] && fail "a refused split left a folder"

# A disk that is full, here for files above 100 blocks: nothing half-written stays.
(
  trap '' XFSZ
  ulimit -f 100
  expect 4 "face_images.npz" synth --out full --count 500
  [ "$failures" -eq 0 ]
) || failures=$((failures + 1))
[ -e full ] && fail "a full disk left: $(ls -A full)"

# Models, recipes, weights.
expect 2 "base_model" train prepared --model nosuch --out none
printf 'layers = (\n  { type = "conw"; } );\n' >wrong.cfg
expect 3 "wrong.cfg:2" train prepared --model wrong.cfg --out none
printf 'epochs = "many";\n' >recipe.cfg
expect 3 "recipe.cfg" train prepared --model base_model --recipe recipe.cfg --out none
expect 2 "" train prepared --model base_model --lr -1 --out none
expect 2 "" train prepared --model base_model --epochs 0 --out none
expect 2 "unknown option" train prepared --model base_model --speed 9 --out none
expect 2 "" nosuchcommand
cat >tiny.cfg <<'END'
layers = ( { type = "average_pool"; window = 8; }, { type = "flatten"; }, { type = "dense"; units = 30; } );
END
expect 0 "" train prepared --model tiny.cfg --out run --epochs 1 --batch-size 8
expect 3 "the weights of another model" train prepared --model base_model --init-weights run/best.safetensors --out none
[ -e none ] && fail "a refused training left a folder"

# A run whose files were changed.
cp -r run broken && printf 'x' >>broken/best.safetensors
expect 3 "best.safetensors" evaluate broken
rm -rf broken && cp -r run broken && printf '{' >broken/config.json
expect 3 "config.json" evaluate broken
rm -rf broken && mkdir broken
expect 3 "config.json" evaluate broken
cp -r prepared changed && printf 'x' >>changed/train_images.npy
expect 3 "train_images.npy" train changed --model tiny.cfg --out none

# No OpenCL at all, and a device that is not there.
mkdir vendors
for command in "train prepared --model tiny.cfg --out none" "evaluate run"; do
  OCL_ICD_VENDORS=$WORK/vendors; export OCL_ICD_VENDORS
  expect 7 "" $command
  unset OCL_ICD_VENDORS
done
[ -e none ] && fail "without a device a folder was left"

# A full disk, as far as a limit on the size of files is one: the old run stays as it was until the new one is written, and
# no file is half there.
before=$(cksum <run/best.safetensors)
(
  trap '' XFSZ
  ulimit -f 4
  expect 4 "File too large" train prepared --model tiny.cfg --out full --epochs 1 --batch-size 8 --quiet
  expect 4 "File too large" train --resume run --epochs 2 --quiet
  finish
) || failures=$((failures + 1))
[ -e full/best.safetensors ] && fail "weights were written in part"
[ "$before" = "$(cksum <run/best.safetensors)" ] || fail "a failed resume changed the weights"
expect 0 "" evaluate run
# A device is written to, never replaced.
if [ -c /dev/full ]; then
  expect 4 "/dev/full" train prepared --model tiny.cfg --out none --epochs 1 --batch-size 8 --step-log /dev/full
  [ -c /dev/full ] || fail "/dev/full was replaced"
fi
finish
