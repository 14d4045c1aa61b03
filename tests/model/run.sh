#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh - search gate.pml with Spin and print the results as TAP.
#
#   run.sh        controls, which must fail, and the small runs: a minute
#   run.sh long   the largest runs that 8 GiB hold: an hour or two
#
# Every run is searched to the end: a search that gave up, for want of depth
# or of memory, is a failure. Exit 0: all as expected, 1: not, 2: no spin.
set -u
here=$(cd "$(dirname "$0")" && pwd)
cc=${CC:-cc}
for tool in spin "$cc"; do
	if ! command -v "$tool" >/dev/null; then
		echo "run.sh: $tool is not installed" >&2
		exit 2
	fi
done
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
n=0
bad=0
bits=22

# search FLAGS OPTIONS: build pan for the model with FLAGS and run it
search() {
	rm -f "$dir"/pan* "$dir"/out
	# shellcheck disable=SC2086 # both are lists
	(cd "$dir" && spin -a $1 "$here/gate.pml" &&
		"$cc" -O1 -w -DCOLLAPSE -DMEMLIM=8000 $2 -o pan pan.c
	) >"$dir/log" 2>&1 || { cat "$dir/log"; return; }
	loop=
	[ "$2" = -DNP ] && loop=-l
	(cd "$dir" && ./pan $loop -m20000 -w"$bits") >"$dir/out" 2>&1
}

result() {	# result WORD DESCRIPTION FLAGS
	n=$((n + 1))
	states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$dir/out")
	echo "$1 $n - $2 (${states:-no} states)"
	if [ "$1" != ok ]; then
		bad=$((bad + 1))
		echo "# spin $3"
		grep -E '^pan|rror|not completed' "$dir/out" | sed 's/^/# /'
	fi
}

finished() {
	grep -q 'errors: 0' "$dir/out" &&
	! grep -Eq 'not completed|too small|MEMLIM' "$dir/out"
}

holds() {	# holds DESCRIPTION FLAGS: all claims, in every run
	search "$2" -DSAFETY
	if finished; then result ok "$1" "$2"; else
		result 'not ok' "$1" "$2"
	fi
}

ends() {	# ends DESCRIPTION FLAGS: no run is endless
	search "$2" -DNP
	if finished; then result ok "$1" "$2"; else
		result 'not ok' "$1" "$2"
	fi
}

fails() {	# fails CONTROL FLAGS
	search "-D$1 $2" -DSAFETY
	if grep -q 'assertion violated' "$dir/out"; then
		result ok "control $1 fails" "-D$1 $2"
	else
		result 'not ok' "control $1 does not fail" "-D$1 $2"
	fi
}

# Threads are numbered consumers first; a mask has bit i for thread i, so with
# two consumers 2 and 4 are the consumers, 8 and 16 the producers.
controls() {
	fails NO_DEBT '-DMORTAL=8 -DKILLS=1'
	fails NO_COMPARE '-DMORTAL=8 -DKILLS=1'
	fails NO_ANNOUNCE '-DMORTAL=2 -DKILLS=1'
	fails NO_EPOCH_COMPARE '-DITEMS=3 -DMORTAL=4 -DKILLS=1'
	fails HINT_BLIND '-DITEMS=2 -DSTOPS=2 -DMORTAL=8 -DKILLS=1'
	fails HINT_STORE '-DITEMS=2 -DMORTAL=2 -DKILLS=1'
	fails ARRIVALS_ONLY '-DNC=3 -DNP=2 -DLEAVES=14'
	fails F_RETURN '-DITEMS=2 -DSTOPS=2'
	fails STICKY_OFF \
		'-DMUTEX -DNC=3 -DLEAVES=14 -DROUNDS=2 -DMORTAL=14 -DKILLS=1'
	fails CHAIN '-DJOIN -DNC=3 -DSTOPS=2'
	fails JOIN_SILENT '-DJOIN -DMORTAL=8 -DKILLS=1'
}

short() {
	holds 'queue: 2 consumers, 1 producer, 2 items, 2 deaths' \
		'-DITEMS=2 -DMORTAL=10 -DKILLS=2'
	holds 'queue: 1 consumer, 2 producers, 4 items, 2 deaths' \
		'-DNC=1 -DNP=2 -DITEMS=2 -DHINT=9 -DMORTAL=12 -DKILLS=2'
	holds 'queue: 2 consumers, 2 producers, 1 death' \
		'-DNP=2 -DLEAVES=6 -DHINT=9 -DMORTAL=8 -DKILLS=1'
	holds 'queue: 2 items, 1 death, a timeout' \
		'-DITEMS=2 -DTIMED=2 -DMORTAL=10 -DKILLS=1'
	holds 'queue: 2 items, one consumer stopped anywhere' \
		'-DITEMS=2 -DSTOPS=2'
	holds 'queue: 2 items, one stopped, producer killed' \
		'-DITEMS=2 -DSTOPS=2 -DMORTAL=8 -DKILLS=1'
	holds 'queue: 3 items, a consumer killed' \
		'-DITEMS=3 -DMORTAL=4 -DKILLS=1'
	holds 'mutex: 3 threads, 2 rounds each, 1 death' \
		'-DMUTEX -DNC=3 -DLEAVES=14 -DROUNDS=2 -DMORTAL=14 -DKILLS=1'
	holds 'pipe: 6 items, 2 deaths' \
		'-DPIPE -DNC=1 -DNP=2 -DITEMS=3 -DMORTAL=12 -DKILLS=2'
	holds 'join: 2 waiters, 2 tasks, 2 deaths, a timeout' \
		'-DJOIN -DNP=2 -DMORTAL=28 -DKILLS=2 -DTIMED=2'
	holds 'join: 3 waiters, one stopped anywhere' \
		'-DJOIN -DNC=3 -DITEMS=2 -DSTOPS=2'
	ends 'queue: no run is endless' '-DMORTAL=10 -DKILLS=1'
	ends 'mutex: no run is endless' \
		'-DMUTEX -DNC=3 -DLEAVES=14 -DMORTAL=14 -DKILLS=1'
}

long() {
	bits=27
	holds 'queue: 2 consumers, 2 producers, 4 items, 1 death' \
		'-DNP=2 -DITEMS=2 -DMORTAL=24 -DKILLS=1 -DLEAVES=2 -DROUNDS=2'
	holds 'queue: 2 consumers, 2 producers, 3 deaths, timeouts' \
		'-DNP=2 -DMORTAL=30 -DKILLS=3 -DTIMED=6 -DLEAVES=2'
}

if [ "${1-}" = long ]; then
	long
else
	controls
	short
fi
echo "1..$n"
[ "$bad" -eq 0 ]
