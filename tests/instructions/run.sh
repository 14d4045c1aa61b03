#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh - no call of the library takes more instructions than it did
#
#	tests/instructions/run.sh [update]
#
# Compares what count.c counts with references.txt, which has a part for each
# compiler, kind of machine and flags. One that has grown by more than 5 % is a
# failure; who wants that, says so with "update", which writes the part anew.
# And the proof that it can fail: the same with 6 % more instructions.
#
# Prints TAP. count is the program in $BUILD/instructions.

dir=$(dirname "$0")
count=${BUILD:-build}/instructions/count
references=$dir/references.txt
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

skip() {
	echo "1..0 # SKIP instructions not counted: $1"
	exit 0
}

"$count" >"$work/now"
status=$?
key=$(sed -n 's/^# //p' "$work/now")
[ $status = 77 ] && skip "$key"
[ $status = 0 ] || exit 1

# the part of the file for this key; "others": all but that
part() {
	awk -v key="# $key" -v others="${1:-}" '
	/^#/ { inside = $0 == key }
	/^#/ || NF { if (others ? !inside : inside) print }' "$references"
}

if [ "${1:-}" = update ]; then
	{ part others; cat "$work/now"; } >"$work/all" &&
		cat "$work/all" >"$references" && cat "$work/now"
	exit
fi

part >"$work/then"
[ -s "$work/then" ] ||
	skip "no reference for $key; make bench-instructions UPDATE=1 makes one"

compare() {
	awk '
	/^#/ { next }
	NR == FNR { then[$1] = $2; calls++; next }
	{
		what = $1 " takes " $2 " instructions, reference " then[$1]
		grown = !($1 in then) || $2 > then[$1] * 1.05
		print (grown ? "not ok" : "ok") " " FNR - 1 " - " what
		failed += grown
		seen++
	}
	END { exit failed || seen != calls }' "$work/then" "$1"
}

calls=$(($(grep -c . "$work/now") - 1))
echo "1..$((calls + 1))"
compare "$work/now"
failed=$?

"$count" more >"$work/more"
noticed=$(compare "$work/more" | grep -c '^not ok')
[ "$noticed" = $calls ] || printf 'not '
echo "ok $((calls + 1)) - with 6 % more, $noticed of $calls are noticed"
[ $failed = 0 ] && [ "$noticed" = $calls ]
