#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh - segments are written over, under ASan and UBSan
#
#	tests/fuzz/run.sh SECONDS
#
# Half of the time with inputs that our own driver makes, half with libFuzzer's;
# all of it the driver's where clang has no libFuzzer. An input that fails stays
# in $BUILD/fuzz: give it to fuzz_driver, `run FILE`, and keep it, once it is
# understood, in tests/fuzz/corpus.

seconds=${1:-60}
build=${BUILD:-build}/fuzz
case $seconds in '' | *[!0-9]*) echo "usage: $0 SECONDS" >&2 && exit 2 ;; esac

checks="-O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all"
checks="$checks -fsanitize=address,undefined"

# has_fuzzer: whether clang can do it
has_fuzzer() {
	echo 'int LLVMFuzzerTestOneInput(const char *a, long b);
	int LLVMFuzzerTestOneInput(const char *a, long b) { return !a + !b; }' |
		clang -x c -fsanitize=fuzzer,address - -o /dev/null 2>/dev/null
}

# with FOLDER MAKE-ARGUMENT...
with() {
	make --no-print-directory BUILD="$build/$1" "$2" "$build/$1/fuzz/$3" \
		CFLAGS="$checks $4" || exit 2
}

mkdir -p "$build/corpus" || exit 2
with driver "CC=${CC:-cc}" fuzz_driver
driver=$PWD/$build/driver/fuzz/fuzz_driver
part=$seconds
if has_fuzzer; then
	part=$(((seconds + 1) / 2))
	with clang CC=clang fuzz_segment -fsanitize=fuzzer-no-link
	"$driver" write "$build/corpus" || exit 2
	cp tests/fuzz/corpus/* "$build/corpus" 2>/dev/null
else
	echo "fuzz: clang has no libFuzzer here, all inputs are the driver's"
fi

# the control: an index that is not masked must be found
control() {
	with control "CC=${CC:-cc}" fuzz_driver -DIPCI_CONTROL_NO_MASK
	far=$PWD/tests/fuzz/corpus/far-indexes
	(cd "$build/control" && exec fuzz/fuzz_driver run "$far") \
		>"$build/control.log" 2>&1 &
	wait $!
	rm -f "/dev/shm/libipc-fuzz-$!" # it has no time for that
	if ! grep -q '^==.*ERROR: AddressSanitizer' "$build/control.log"; then
		echo "fuzz: FAILED: the control NO_MASK was not found"
		exit 1
	fi
	echo "fuzz: the control NO_MASK is found"
}

# a crash says where; leaks are looked for at the end
export UBSAN_OPTIONS=print_stacktrace=1
control
cd "$build" || exit 2
for file in "$OLDPWD"/tests/fuzz/corpus/*; do
	[ -f "$file" ] || continue
	"$driver" run "$file" || { echo "fuzz: FAILED: $file" && exit 1; }
done
"$driver" "$part" || { echo "fuzz: FAILED: $build/fuzz-input" && exit 1; }
[ "$part" = "$seconds" ] && exit 0
clang/fuzz/fuzz_segment -max_total_time=$((seconds - part)) -timeout=60 \
	-max_len=512 -print_final_stats=1 corpus >libfuzzer.log 2>&1 || {
	tail -n 60 libfuzzer.log
	echo "fuzz: FAILED: the input is in $build"
	exit 1
}
sed -n 's/^stat::number_of_executed_units: */fuzz: libFuzzer, inputs: /p
	s/^stat::peak_rss_mb: */fuzz: libFuzzer, peak MiB: /p' libfuzzer.log
