#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_faults.sh - every call that the library makes of the system is one that
# faults.c makes fail, or it stands in faults_exempt.txt with the reason why it
# cannot fail. So a new call cannot come in without a decision.

build=${BUILD:-build}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0
echo syscall >"$work/syscall"

# what the library needs and does not have itself; not what compilers add
nm -u "$build/libipc.a" | awk 'NF == 2 { print $2 }' |
	grep -v -e '^ipci\?_' -e '^_GLOBAL_OFFSET_TABLE_$' \
		-e '^__\(asan\|ubsan\|tsan\|lsan\|sanitizer\)_' \
		-e '^__\(tls_get_addr\|errno_location\|stack_chk_fail\)$' |
	sed 's/@.*//' | sort -u >"$work/called"
# each has its name among the strings there; free and munmap are only counted, and
# syscall fails as what it calls
nm "$build/tests/faults.o" | sed -n 's/.* T __wrap_//p' | sort -u >"$work/wrap"
sed -n 's/^	X([A-Z_]*, "\([a-z_]*\)",.*/\1/p' tests/faults.c |
	sort -u - "$work/syscall" >"$work/names"
comm -12 "$work/wrap" "$work/names" >"$work/fail"
grep -v '^#' tests/faults_exempt.txt | awk 'NF { print $1 }' |
	sort -u >"$work/exempt"

# list FILE COMPLAINT: no line may be in it
list() {
	[ -s "$1" ] || return
	sed "s|^|faults: $2: |" "$1" >&2
	failed=1
}

sort -u "$work/fail" "$work/exempt" | comm -23 "$work/called" - >"$work/new"
list "$work/new" "neither made to fail nor exempt"
comm -12 "$work/fail" "$work/exempt" >"$work/both"
list "$work/both" "made to fail, and exempt"
comm -13 "$work/called" "$work/exempt" >"$work/old"
list "$work/old" "exempt, but not called any more"
grep -v '^#' tests/faults_exempt.txt | awk 'NF == 1 { print $1 }' >"$work/why"
list "$work/why" "exempt without a reason"

[ -s "$work/called" ] || failed=1
[ $failed = 0 ] && echo "faults: $(wc -l <"$work/called") calls," \
	"$(comm -12 "$work/called" "$work/fail" | wc -l) of them made to fail"
exit $failed
