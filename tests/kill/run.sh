#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh - the kill sweeps, and the proof that they can fail
#
#	tests/kill/run.sh short	   some instructions of each call: a minute or two
#	tests/kill/run.sh [full]   every instruction: many minutes
#
# Prints TAP. One lane for each CPU, each with its share of every program's
# rows. Then the controls: the library with one safeguard taken out, which the
# row named with it must notice: it ends with the first bad point. The last line
# but one has the totals. The programs are those that `make killers` made in
# $BUILD/kill.
#
# Which rows kill (or freeze) a call in which state. kill_ is left out before
# the program; "-": there is no such state, and why stands below.
#
#	call         program   idle  contended  opposite asleep  own side asleep
#	                                        1 and 3          or the call itself
#	lock         mutex     yes   sleeps     - a              1, 2 before, behind
#	unlock       mutex     yes   - b        1, 2, 3          - a
#	put          queue     yes   yes        1, 3             1, 2 behind
#	get          queue     yes   yes        1, 2, 3          1, 2 behind
#	put_many     queue     yes   yes        1, 3             1 behind
#	get_many     queue     yes   yes        1, 3             1 behind
#	put, get     kinds     yes   yes        1, 3             1 behind
#	  of LIFO, priority, put_front, get_back; memory that grows: grow
#	get of tasks joinable  yes   cross_     1, 3 putters     1, 2, 3 behind;
#	                             lease                       after deaths: lease
#	task_done    joinable  yes   cross_     1, 3 joiners     - c
#	                             lease
#	join         joinable  yes   - d        - d              1, 3 behind, 1 before
#	shutdown     shutdown  yes   yes        1, 3 of either   - c
#	send         pipe      yes   - e        1                the call itself
#	recv         pipe      yes   - e        1                the call itself
#	close        pipe      yes   another    1 of either      - c
#	                             holder
#	close of a   lease     yes   another    1, 2 getters,    - c
#	joinable q.                  thread's   joiners
#	create       create    yes   the name   - f              - f
#	                             is taken
#	open         create    yes   - f        - f              - f
#	unlink       create    yes   - f        - f              - f
#
#	a  a mutex has one side: who waits for it stands in the row of unlock
#	b  only the holder unlocks; others who come are its sleepers
#	c  it never sleeps for a condition
#	d  join takes no gate unless a worker has died (lease: join after a
#	   death), and its return makes nothing true for anybody
#	e  one thread at a time may send, and one receive: so one sleeper at most
#	f  it takes no gate and nobody sleeps at it; who comes at the same time is
#	   the matter of tests/test_named_race.c and test_named_steps.c
#	   close of a queue without tasks writes nothing that is shared
#
# Sleepers are asleep, about to be, or stopped as they wake, as the row says.
# One process frozen after each instruction and another killed: cross (put,
# get), cross_pipe (recv; the other end is closed, or its holder killed)
# and cross_lease (get, join, size; the worker holds a task, or dies in get or
# in task_done). Stopped as it was woken: cross by an item, cross_lease by a
# death; the slowest recovery is how long the others waited after the next call.

# libc copies by single moves: the string instruction for that, of which each
# repetition is a step, would take thousands of steps in a place of our choice
export GLIBC_TUNABLES=glibc.cpu.x86_rep_movsb_threshold=1000000

mode=${1:-full}
kill=${BUILD:-build}/kill
lanes=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
work=$(mktemp) || exit 2
trap 'rm -f "$work"' EXIT
[ "$mode" = short ] || [ "$mode" = full ] || { echo "short or full?" && exit 2; }

# $1: lane; what a program does not say for itself: that it came to its end
sweeps() {
	for source in "$(dirname "$0")"/kill_*.c; do
		program=$(basename "$source" .c)
		SWEEP_LANE=$1/$lanes "$kill/$program" "$mode" 2>&1
		status=$?
		[ $status -le 1 ] || echo "not ok - $program exited with $status"
	done
}

# $1: the safeguard; $2: program, $3: row. Ends at the first bad point. Some
# leave few of them bad: where a stride finds none, every instruction is tried.
control() {
	where=$kill/$(echo "$1" | tr '[:upper:]' '[:lower:]')/$2
	for how in "$mode" full; do
		SWEEP_CONTROL=yes "$where" $how "$3" >"$work" 2>&1
		grep -q '^not ok - .* points, ' "$work" && break
	done
	echo "1..1"
	verdict "$1" <"$work"
}

# from "not ok - put: 276 points, 47 bad, ..." to "ok - control: 47 of 276
# points"
verdict() {
	awk -v name="control $1 goes red" '
	/^(not )?ok - / { n++; bad = $(NF - 5); points = $(NF - 7); row = $0 }
	END {
		sub(/^(not )?ok - /, "", row)
		sub(/: [0-9]+ points.*/, "", row)
		red = n == 1 && bad > 0
		printf "%s - %s: %d of %d points (%s)\n",
			red ? "ok" : "not ok", name, bad, points, row
	}'
}

# those of the bounded back end, whose safeguards are other ones
bounded_controls() {
	control NO_SLICE kill_queue "put, 1 getter asleep"
	control NOT_ROBUST kill_mutex "unlock, 1 waiter asleep"
	control NO_VISITS kill_cross_lease "size frozen, a holder killed, another's task got"
}

controls() {
	control NO_DEBT kill_queue "put, 1 getter asleep"
	control NO_DEBT kill_queue "get, 1 putter asleep"
	control NO_DEBT kill_pipe "send, receiver asleep"
	control NO_DEBT kill_shutdown "shutdown at once, 1 joiner asleep"
	control NO_DEBT kill_lease "join after a death, 1 of 3 getters"
	control NO_DEBT kill_lease "join after the last attempt, 1 of 3"
	control NO_COMPARE kill_cross "get frozen, put killed, 0 later"
	control NO_UNMARK kill_kinds "put_front, idle"
	control NO_COMPARE kill_shutdown "at once, 3 joiners about to sleep"
	control NO_TAKEN kill_grow "put, 1 run"
	control NO_LEAVING kill_grow "get, 1 run"
	control NO_LEAVING kill_grow "put_front, 1 run, a spree"
	control NO_SETTLED kill_grow "get_many, runs, frozen"
	control NO_ANNOUNCE kill_queue "put, 1 getter asleep"
	control NO_REPAIR kill_kinds "put_priority, idle"
	control NO_REPAIR kill_kinds "priority get, idle"
	control NO_REPAIR kill_joinable "task_done by ticket"
	control NO_STAMPS kill_joinable "task_done by ticket"
	control NO_STAMPS kill_joinable "get, full, 3 putters asleep"
	control NO_MARKS kill_joinable "task_done, nobody joins"
	control NO_WATCH kill_lease "holder, 1 getter asleep"
	control NO_WATCH kill_lease "holder of the last attempt, 1 joiner"
	control NO_WATCH kill_pipe "close, receiver asleep, who watches"
	control NO_WATCH kill_cross_lease "get frozen, a holder killed"
	control NO_WATCH kill_cross_lease "join frozen, last attempt, a holder"
	control NO_COMPARE kill_cross_lease "get frozen, a holder killed"
	control NO_COMPARE kill_cross_lease "join frozen, task_done killed, 0"
	control NO_ROUSE kill_lease "first get, 1 getter stopped as it woke"
	control NO_ROUSE kill_lease "first get, last attempt, 2 joiners asleep"
	control ONE_WORD kill_lease "join that sleeps, a death, 1 getter behind"
	control NO_PASS_ON kill_shutdown "shutdown at once, 3 joiners asleep"
	control NO_ANNOUNCE kill_mutex "unlock, 1 waiter asleep"
}

everything() {
	lane=0
	while [ $lane -lt "$lanes" ]; do
		sweeps $lane &
		lane=$((lane + 1))
	done
	wait
	if [ "${BACKEND:-linux}" = posix ]; then
		bounded_controls
	else
		controls
	fi
}

everything | awk '
/^1\.\.[0-9]+$/ { plan += substr($0, 4); next }
/^(not )?ok - / { sub(/ok - /, "ok " ++n " - "); failed += /^not / }
/ points, [0-9]+ bad, slowest recovery / {
	rows++
	points += $(NF - 7)
	bad += $(NF - 5)
	if ($(NF - 1) > slowest)
		slowest = $(NF - 1)
}
/^Bail out/ { print "not ok " ++n " - " $0; failed++; next }
{ print; fflush() }
END {
	printf "# sweeps: %d rows, %d points, %d bad, slowest %.1f ms\n", rows,
		points, bad, slowest
	print "1.." plan
	exit failed || n != plan || !n
}'
