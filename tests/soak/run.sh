#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh - the soak, and the proof that it can fail
#
#	tests/soak/run.sh short		8 seconds, and the controls
#	tests/soak/run.sh SECONDS	that long, and the controls
#
# Prints TAP. The controls: accounts that are falsified in six ways, and a
# library that does not tell the kernel what a thread holds; and, where late
# stores are to be waited for (tests/test_gate_fences.c), one that does not. The
# programs are those that `make soakers` made in $BUILD/soak.

soak=${BUILD:-build}/soak
seconds=${1:-60}
[ "$seconds" = short ] && seconds=8
case $seconds in '' | *[!0-9]*) echo "usage: $0 short|SECONDS" >&2 && exit 2 ;; esac
limit=$((10 * ${TEST_SLOW:-1}))
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
controls="lose twice late done held fd"
n=0 failed=0

# result OK? WHAT
result() {
	n=$((n + 1))
	[ "$1" = 0 ] || failed=1
	echo "$([ "$1" = 0 ] || echo "not ")ok $n - $2"
}

# red FILE: the run failed, and says why
red() {
	[ "$(tail -n 1 "$1")" = "exit 1" ] && grep -q '^soak: BREACH' "$1"
}

echo "1..$((6 + $(echo "$controls" | wc -w)))"
"$soak/soak" "$seconds" $limit >"$work/soak" 2>&1
status=$?
[ $status = 0 ] || cat "$work/soak"
result $status "$(tail -n 1 "$work/soak")"

for control in $controls; do
	{ "$soak/soak" 5 3 "$control" 2>&1; echo "exit $?"; } \
		>"$work/$control" &
done
wait
for control in $controls; do
	red "$work/$control"
	result $? "control: $control goes red: $(
		sed -n 's/^soak: BREACH: //p' "$work/$control" | head -n 1)"
done
{ "$soak/soak_no_list" 20 3 2>&1; echo "exit $?"; } >"$work/no_list"
red "$work/no_list"
result $? "control: NO_LIST goes red: $(
	sed -n 's/^soak: BREACH: //p' "$work/no_list" | head -n 1)"
fences() {
	FENCES_SECONDS=20 FENCES_TEST=$2 "$soak/fences_$1" >"$work/$2" 2>&1
	status=$?
	if grep -q SKIPPED "$work/$2"; then
		result 0 "control: $1, $2 # SKIP needs two CPUs, exact wake-ups"
	else
		[ $status = 1 ] && grep -Eq '(---|#) lost$' "$work/$2"
		result $? "control: $1 goes red, $2"
	fi
}
fences no_barrier test_the_sleeper_fences
fences no_fence test_who_sees_a_hint_fences
fences no_fence test_who_does_the_last_tasks_fences
fences no_helped test_who_helps_fences
exit $failed
