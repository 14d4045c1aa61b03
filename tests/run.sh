#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh - runs test programs one after another, and counts
#
#	tests/run.sh "PROGRAM ARGUMENT..." ...
#
# Each prints TAP: "1..N", "ok I - name", "not ok I - name". A program that
# crashes, hangs, says less than it planned, or exits with an error though all
# its tests passed, counts as one failure more. The last line is the sum:
# "N passed, N failed".

limit=$((300 * ${TEST_SLOW:-1}))
passed=0 failed=0
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
export CMOCKA_MESSAGE_OUTPUT=TAP

# prints: passed failed skipped lacking
count() {
	awk '/^(not )?ok .*# SKIP/ { s++; next } /^ok / { p++ } /^not ok / { f++ }
	/^1\.\.0 # SKIP/ { s++; plan++; planned = 1 }
	/^1\.\.[0-9]+$/ { plan += substr($0, 4); planned = 1 }
	END {
		done = p + f + s
		print p + 0, f + 0, s + 0, (planned ? done != plan : !done)
	}' "$work/log"
}

reason() {
	case $1 in
	0) echo "said less or more than it planned" ;;
	124) echo "hung" ;;
	13[0-9] | 14[0-9]) echo "killed by signal $(($1 - 128))" ;;
	*) echo "exited with $1" ;;
	esac
}

# what it said, without what went well but the last before each trouble
details() {
	awk '/^ok / { last = $0; next }
	last { print "     | " last; last = "" } { print "     | " $0 }' \
		"$work/log" | tail -n 60
}

run() {
	name=$(basename "$1" .sh)
	[ "$name" = run ] && name=$(basename "$(dirname "$1")")
	start=$(date +%s)
	seconds=$limit
	[ "$name" = kill ] && seconds=$((5 * limit)) # many programs in one
	timeout -k 5 "$seconds" ${TEST_RUNNER:-} "$@" </dev/null >"$work/log" 2>&1
	status=$?
	took=$(($(date +%s) - start))
	set -- $(count)
	bad=$2
	if [ "$4" != 0 ] || { [ $status != 0 ] && [ "$2" = 0 ]; }; then
		bad=$((bad + 1))
		echo "not ok - $name $(reason $status)" >>"$work/log"
	fi
	passed=$((passed + $1)) failed=$((failed + bad))
	printf '%-4s %-28s %4d passed' "$([ $bad = 0 ] && echo ok || echo FAIL)" \
		"$name" "$1"
	[ $bad = 0 ] || printf ', %d failed' $bad
	[ "$3" = 0 ] || printf ', %d skipped' "$3"
	printf '  %d s\n' $took
	grep '# SKIP' "$work/log"
	[ $bad = 0 ] || details
}

for command; do
	run $command
done
[ $# -gt 0 ] || { echo "no tests" && failed=1; }
echo "$passed passed, $failed failed"
[ $failed = 0 ]
