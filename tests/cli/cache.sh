#!/bin/sh
# What is kept between runs: shown, cleared, and of no influence on what a run computes, whatever state it is in.
. "$(dirname "$0")/check.sh"
cache=$WORK/cache
export FIDUCL FIDUCL_CACHE_DIR="$cache"

# train NAME: trains with solvers that no measurement chooses; every run must give the same bytes as the first.
cat >train.sh <<'end'
"$FIDUCL" train prepared --model ./tiny.cfg --out "$1" --epochs 1 --batch-size 8 --solver conv=conv_general \
  --solver dense=dense_direct --quiet && cmp "$1/best.safetensors" first/best.safetensors
end
train() {
  sh train.sh "$1" >"$1.txt" 2>&1
}

# number NAME: of a field of the JSON.
number() {
  "$FIDUCL" cache --json | sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p"
}

expect 0 "$cache: 0 files" cache
[ -e "$cache" ] && fail "looking at the cache creates it"
expect 0 "0 files removed" cache --clear
expect 2 "unexpected argument" cache all

tiny_model
expect 0 "64 faces" synth --out faces --count 64 --seed 3
expect 0 "train: 40 rows" prepare faces --out prepared --split 40,12,12
train first || fail "the first training: $(cat first.txt)"
expect 0 "MiB  device" cache
n_programs=$(number programs)
[ "$n_programs" -eq "$(ls "$cache/programs" | wc -l)" ] && [ "$n_programs" -gt 5 ] || fail "$n_programs programs"
[ "$(number solvers_right)" -eq "$(grep -c '	pass	' "$cache"/solvers/*.txt)" ] || fail "the number of right solvers"
[ "$(number solvers_wrong)" -eq 0 ] || fail "wrong solvers"
[ "$(number files)" -eq $((n_programs + 1)) ] || fail "the number of files"
[ "$(number bytes | head -n 1)" -eq "$(cat "$cache"/*/* | wc -c)" ] || fail "the number of bytes"
identity=$(sed -n 's/^device //p' "$cache"/solvers/*.txt)
expect 0 "$identity" cache
expect 0 "\"device\": \"$identity\"" cache --json
grep -q '"pocl": null' stdout.txt || fail "a folder of PoCL's where there is none"

train second || fail "a run with a filled cache differs"

# Damaged in turns: cut, and bits flipped in the middle. A table is cut: flipped bits of a comment damage nothing.
i=0
for file in "$cache"/programs/*.bin "$cache"/solvers/*.txt; do
  i=$((i + 1)) size=$(wc -c <"$file")
  if [ $((i % 2)) -eq 0 ] || [ "${file%.txt}" != "$file" ]; then
    head -c $((size / 3)) "$file" >cut && cp cut "$file"
  else
    byte=$(od -An -tu1 -j $((size / 2)) -N 1 "$file")
    printf "\\$(printf %o $((255 - byte)))" | dd of="$file" bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
  fi
done
[ "$(number unusable_files)" -eq $((n_programs + 1)) ] || fail "damaged files are taken for whole ones"
expect 0 "are damaged" cache
train damaged || fail "a run with a damaged cache differs"
[ "$(number unusable_files)" -eq 0 ] || fail "what was damaged was not made anew"

# What a killed writer leaves behind; the folder that PoCL was given.
touch "$cache/programs/0123456789abcdef0123456789abcdef.bin.tmp-1"
mkdir "$cache/pocl" && echo 12345 >"$cache/pocl/kernel"
expect 0 "1 more files, 0.0 MiB, are damaged, unfinished" cache
grep -qF "PoCL keeps what it compiles in $cache/pocl" stdout.txt || fail "nothing about PoCL's folder"

# Clearing: everything that fiducl made and nothing else, and nothing through a link.
mkdir outside && echo precious >outside/0123456789abcdef0123456789abcdef.bin
ln -s "$WORK/outside/0123456789abcdef0123456789abcdef.bin" "$cache/programs/00000000000000000000000000000000.bin"
echo mine >"$cache/programs/notes.txt"
echo mine >"$cache/mine.bin"
expect 0 "$((n_programs + 2)) files removed" cache --clear
[ "$(find "$cache" ! -type d | wc -l)" -eq 4 ] && [ ! -e "$cache/solvers" ] || fail "what is left: $(find "$cache")"
there "$cache/programs/notes.txt" "$cache/mine.bin" "$cache/pocl/kernel" outside/0123456789abcdef0123456789abcdef.bin
train cleared || fail "a run with a cleared cache differs"
rm -r "$cache/programs" && ln -s "$WORK/outside" "$cache/programs"
expect 4 "is a symbolic link" cache --clear
there outside/0123456789abcdef0123456789abcdef.bin

# Three runs at once from an empty cache.
rm -rf "$cache"
for name in one two three; do
  (train "parallel_$name" || echo "$name" >>unequal) &
done
wait
[ -e unequal ] && fail "of three runs at once these differ: $(cat unequal)"
[ "$(number programs)" -eq "$n_programs" ] && [ "$(number unusable_files)" -eq 0 ] || fail "what three runs at once left"

# A disk without room, and one that cannot be written: mounted for these runs only.
if unshare --map-root-user --mount true 2>/dev/null; then
  mkdir small
  FIDUCL_CACHE_DIR=$WORK/small unshare --map-root-user --mount sh -c 'mount -t tmpfs -o size=64k tmpfs small &&
    sh train.sh full && [ -z "$(find small -name "*.tmp-*")" ] && ! head -c 70000 /dev/zero >small/rest' >disk.txt 2>&1 ||
    fail "a run on a full disk: $(cat disk.txt)"
  for state in filled empty; do
    unshare --map-root-user --mount sh -c 'mount --bind cache cache && mount -o remount,bind,ro cache &&
      ! touch cache/file && sh train.sh read_only_'$state >disk.txt 2>&1 ||
      fail "a run with a read-only cache that is $state: $(cat disk.txt)"
    expect 0 "files removed" cache --clear
  done
else
  echo "not tried: a full and a read-only disk, for want of the right to mount one"
fi
finish
