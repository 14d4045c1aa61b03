#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh - search the models with Spin and print the results as TAP.
#
#   run.sh quick  some of each: a minute; what CI runs
#   run.sh        controls, which must fail, and the small runs: some minutes
#   run.sh long   the largest runs that 8 GiB hold: half an hour
#
# Every run is searched to the end: a search that gave up, for want of depth
# or of memory, is a failure. Exit 0: all as expected, 1: not, 2: no spin.
#
# gate.pml is the gate, lease.pml the leases of a joinable queue. What may go
# wrong at the gate, and what shows the fault when the safeguard is taken out:
#
#   a commit or a release that is still  the sleeper's barrier: NO_BARRIER,
#   in its CPU's store buffer            EARLY_FENCED; whoever sees a hint
#                                        fences: LEFT_ONLY, NO_FENCE_FIRE,
#                                        NO_FENCE_RELEASE
#   a fire clears the hint while a       cleared by CAS, with a generation that
#   sleeper comes                        the sleeper's kernel compares:
#                                        CLEAR_BLIND, RELAX_BLIND,
#                                        NO_GENERATION, NO_HINT_COMPARE
#   a stopped sleeper that was chosen,   a fire that finds FIRED wakes another
#   others sleep on                      one: F_RETURN; a sleeper takes it out:
#                                        FIRED_KEPT; several waiters of one
#                                        event: CHAIN, JOIN_SILENT
#   a commit between last look and       futex_waitv compares the index:
#   falling asleep                       NO_COMPARE; sweeps: kill_cross
#   a death between commit and wake-up   the debt is announced: NO_DEBT;
#                                        sweeps: kill_queue, kill_pipe
#   a death while it holds the gate      NO_ANNOUNCE; sweeps: kill_mutex
#   leases                               lease.pml, and the sweeps of kill_lease
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
model=gate
optimise=-O1

# search FLAGS OPTIONS: build pan for the model with FLAGS and run it. What is
# to fail is found soon, so the compiler's time counts there.
search() {
	rm -f "$dir"/pan* "$dir"/out
	# shellcheck disable=SC2086 # both are lists
	(cd "$dir" && spin -a $1 "$here/$model.pml" &&
		"$cc" ${3:-$optimise} -w -DCOLLAPSE -DMEMLIM=8000 $2 -o pan pan.c
	) >"$dir/log" 2>&1 || { cat "$dir/log"; return; }
	loop=
	[ "$2" = -DNP ] && loop=-l
	(cd "$dir" && ./pan $loop -m50000 -w"$bits") >"$dir/out" 2>&1
}

result() {	# result WORD DESCRIPTION FLAGS
	n=$((n + 1))
	states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$dir/out")
	took=$(sed -n 's/.*elapsed time \([0-9.]*\) seconds.*/\1/p' "$dir/out")
	echo "$1 $n - $model: $2 (${states:-no} states, ${took:-?} s)"
	if [ "$1" != ok ]; then
		bad=$((bad + 1))
		echo "# spin $3 $model.pml"
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
	search "-D$1 $2" -DSAFETY -O0
	if grep -q 'assertion violated' "$dir/out"; then
		result ok "control $1 fails" "-D$1 $2"
	else
		result 'not ok' "control $1 does not fail" "-D$1 $2"
	fi
}

# Threads of the gate are numbered consumers first; a mask has bit i for thread
# i, so with two consumers 2 and 4 are the consumers, 8 and 16 the producers.
# HINT is what earlier sleepers have left in it: LEFT 1, FENCED 2, FIRED 4.
controls() {
	fails NO_BARRIER ''
	fails NO_BARRIER '-DPIPE -DNC=1'
	fails EARLY_FENCED '-DJOIN -DSTOPS=2'
	fails LEFT_ONLY '-DHINT=2'
	fails NO_FENCE_FIRE '-DHINT=2'
	fails NO_FENCE_RELEASE '-DHINT=2 -DITEMS=2 -DLEAVES=2'
	fails NO_DEBT '-DMORTAL=8 -DKILLS=1'
	fails NO_COMPARE '-DMORTAL=8 -DKILLS=1'
	fails NO_ANNOUNCE '-DMORTAL=2 -DKILLS=1'
	fails NO_HINT_COMPARE '-DITEMS=2'
	fails NO_GENERATION '-DITEMS=2'
	fails CLEAR_BLIND '-DITEMS=2'
	fails RELAX_BLIND '-DITEMS=2'
	fails FIRED_KEPT '-DITEMS=2'
	fails F_RETURN '-DITEMS=2 -DSTOPS=2'
	fails CHAIN '-DJOIN -DNC=3 -DSTOPS=2'
	fails JOIN_SILENT '-DJOIN -DMORTAL=8 -DKILLS=1'
}

short() {
	holds 'queue: 2 consumers, 1 producer, 2 items, 2 deaths' \
		'-DITEMS=2 -DMORTAL=10 -DKILLS=2'
	holds 'queue: 1 consumer, 2 producers, 4 items, 2 deaths' \
		'-DNC=1 -DNP=2 -DITEMS=2 -DHINT=2 -DMORTAL=12 -DKILLS=2'
	holds 'queue: 2 consumers, 2 producers, 1 death' \
		'-DNP=2 -DLEAVES=6 -DHINT=3 -DMORTAL=8 -DKILLS=1'
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
	holds 'queue: 2 consumers, 2 producers, 1 death, a timeout' \
		'-DNP=2 -DMORTAL=24 -DKILLS=1 -DTIMED=2 -DLEAVES=2'
	holds 'queue: 3 consumers, 1 producer, its death' \
		'-DNC=3 -DHINT=2 -DMORTAL=16 -DKILLS=1'
}

# a worker that nobody knew comes late, and any two may die
late='-DNJ=0 -DNP=1 -DPRE=0 -DLATE=2 -DMORTAL=14 -DKILLS=2'

# The same for the leases: workers 1 .. NW, joiners, waiters for a task set
# aside, putters. By default 2 workers, 1 joiner, 1 task.
lease_controls() {
	model=lease
	optimise=-O0	# the compiler takes longer than the search
	fails NO_WATCH '-DNJ=0 -DMORTAL=2 -DKILLS=1'
	fails NO_REPAIR '-DNJ=0 -DMORTAL=2 -DKILLS=1'
	fails NO_DEBT '-DNW=1 -DNJ=0 -DNP=1 -DPRE=0 -DMORTAL=4 -DKILLS=1'
	fails NO_ANNOUNCE '-DNW=1 -DNJ=0 -DNP=1 -DPRE=0 -DMORTAL=4 -DKILLS=1'
	fails ALL_ONE '-DNW=1 -DNF=1'
	fails NO_MARKS '-DNJ=0 -DMORTAL=2 -DKILLS=1'
	fails REFILL '-DNJ=0 -DPRE=2 -DMORTAL=2 -DKILLS=1'
	fails NO_ROUSE "$late"
	fails NO_VERSION "$late"
	fails VERSION_LATE "$late"
	fails BURY_FIRST '-DMORTAL=10 -DKILLS=2'
	fails ONE_WORD '-DMORTAL=10 -DKILLS=2'
}

lease_short() {
	model=lease
	holds '2 workers, 2 deaths' '-DNJ=0 -DMORTAL=6 -DKILLS=2'
	holds '1 attempt: set aside, and got by who waits for it' \
		'-DNJ=0 -DNF=1 -DMAX=1 -DMORTAL=2 -DKILLS=1'
	holds 'a worker ends with its task, 1 joiner' '-DENDS=2'
	ends 'no run is endless' '-DNJ=0 -DMORTAL=2 -DKILLS=1'
	holds '2 workers, 1 joiner, 1 death' '-DMORTAL=2 -DKILLS=1'
	holds '2 workers, one that comes late, a putter, 2 deaths' "$late"
}

lease_long() {
	model=lease
	bits=27
	optimise=-O1
	fails REPAIR_SILENT '-DMORTAL=2 -DKILLS=1 -DNF=1'
	fails NO_TELL '-DMORTAL=2 -DKILLS=1 -DNF=1'
	fails REPAIR_ZERO '-DREPAIR_SILENT -DNJ=2 -DMORTAL=10 -DKILLS=2'
	holds '2 workers, 1 joiner, 2 deaths' '-DMORTAL=10 -DKILLS=2'
	holds '2 workers, 1 joiner, 1 waiter, 1 death' \
		'-DNF=1 -DMORTAL=2 -DKILLS=1'
	holds '2 workers that come late, 1 joiner, 1 death' \
		'-DLATE=6 -DMORTAL=2 -DKILLS=1'
}

quick() {
	fails NO_BARRIER ''
	fails NO_FENCE_FIRE '-DHINT=2'
	fails NO_DEBT '-DMORTAL=8 -DKILLS=1'
	fails CLEAR_BLIND '-DITEMS=2'
	holds 'queue: 2 consumers, 1 producer, 2 items, 2 deaths' \
		'-DITEMS=2 -DMORTAL=10 -DKILLS=2'
	model=lease
	optimise=-O0
	fails NO_WATCH '-DNJ=0 -DMORTAL=2 -DKILLS=1'
	fails NO_REPAIR '-DNJ=0 -DMORTAL=2 -DKILLS=1'
	holds '2 workers, 2 deaths' '-DNJ=0 -DMORTAL=6 -DKILLS=2'
}

case ${1-} in
quick)
	quick ;;
long)
	long
	lease_long ;;
'')
	controls
	short
	lease_controls
	lease_short ;;
*)
	echo "run.sh: quick, long or nothing, not $1" >&2
	exit 2 ;;
esac
echo "1..$n"
[ "$bad" -eq 0 ]
