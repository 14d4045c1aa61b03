#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_examples.sh - run every example program and read what it prints
#
#	tests/test_examples.sh build/examples
#
# Prints one TAP line per check, exits 1 if one is not ok. Every program must
# also end without leaving a process behind.

bin=${1:?usage: test_examples.sh DIRECTORY}
tmp=$(mktemp -d) || exit 1
main=
trap 'rm -rf "$tmp"; [ -z "$main" ] || kill -s KILL "$main"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$tmp/scratch" "$tmp/work"
TMPDIR=$tmp/scratch # where ticket_grab puts a file of its own
export TMPDIR
out=$tmp/out err=$tmp/err file=$tmp/work/tickets.json
count=0 failed=0

# ---- what a check is ----

# is NAME COMMAND...: ok if the command succeeds
is() {
	name=$1
	shift
	count=$((count + 1))
	if "$@"; then
		echo "ok $count - $name"
	else
		failed=$((failed + 1))
		echo "not ok $count - $name"
		echo "# failed: $*; the last exit code was $rc; printed:"
		tail -n 5 "$out" | sed 's/^/# out: /'
		tail -n 5 "$err" | sed 's/^/# err: /'
	fi
}

skip() {
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

# run PROGRAM ARGUMENT...: fills $out, $err and $rc, and tells in $remains
# whether a process does: timeout makes a process group for all children
run() {
	command=$bin/$1
	shift
	timeout 30 "$command" "$@" >"$out" 2>"$err" </dev/null &
	group=$!
	wait "$group"
	rc=$?
	remains=no
	kill -s 0 -- "-$group" 2>/dev/null && remains=yes
}

succeeds() {
	[ "$rc" -eq 0 ] && [ ! -s "$err" ] && [ "$remains" = no ]
}

# wrong use: exit 2, a word of why, nothing else
refuses() {
	[ "$rc" -eq 2 ] && [ -s "$err" ] && [ ! -s "$out" ] &&
		[ "$remains" = no ]
}

last_line_is() {
	[ "$(tail -n 1 "$out")" = "$1" ]
}

# lines_are PATTERN LINE...: those that match are exactly these, in this order
lines_are() {
	pattern=$1
	shift
	printf '%s\n' "$@" >"$tmp/expected"
	grep "$pattern" "$out" | cmp -s - "$tmp/expected"
}

no_litter() {
	[ -z "$(ls -A "$TMPDIR")" ] &&
		[ -z "$(find "$tmp/work" -name '.tickets.*')" ]
}

takes_no_options() {
	run "$1" --what
	is "$1 refuses an option" refuses
	run "$1" word
	is "$1 refuses an argument" refuses
}

# ---- toilet ----

one_at_a_time() {
	awk '
	/^[A-Z][a-z]*: begin$/ && !inside { inside = $1; seen[$1]++; next }
	/^[A-Z][a-z]*: end$/ && inside == $1 { inside = ""; next }
	{ wrong = 1 }
	END {
		for (name in seen) {
			people++
			wrong = wrong || seen[name] != 1
		}
		exit wrong || inside != "" || people != 3
	}' "$out"
}

run toilet
is "toilet ends well" succeeds
is "toilet: one at a time between begin and end" one_at_a_time
takes_no_options toilet

# ---- ticket_grab ----

all_look_first() { # $1: what each of the 50 sees
	[ "$(head -n 50 "$out" | grep -c "^person [0-9]* sees $1 tickets\$")" \
		-eq 50 ] && [ "$(grep -c ' sees ' "$out")" -eq 50 ]
}

each_once() { # person 1 to $1 in the lines with $2
	[ "$(grep -c "$2" "$out")" -eq "$1" ] &&
		[ "$(grep "$2" "$out" | cut -d ' ' -f 2 | sort -u | wc -l)" \
			-eq "$1" ]
}

counts_down() { # from $1 to 0
	grep ' buys ' "$out" | awk -v left="$1" '
	$(NF - 1) != --left { wrong = 1 }
	END { exit wrong || left != 0 }'
}

run ticket_grab
is "ticket_grab ends well" succeeds
is "ticket_grab sells what there is" \
	last_line_is "tickets: 3, people: 50, sold: 3, left: 0"
is "ticket_grab: all look before one buys" all_look_first 3
is "ticket_grab: each looks once" each_once 50 ' sees '
is "ticket_grab: 47 find nothing" each_once 47 ': sold out$'
is "ticket_grab: 2, 1, 0 are left" counts_down 3
is "ticket_grab leaves no file of its own" no_litter

# sells NAME BEFORE AFTER LAST ARGUMENT...: the file, byte for byte
sells() {
	what=$1 last=$4
	# shellcheck disable=SC2059 # texts with escapes are formats
	printf "$2" >"$file"
	# shellcheck disable=SC2059
	printf "$3" >"$tmp/after"
	shift 4
	run ticket_grab --file "$file" "$@"
	is "ticket_grab ends well: $what" succeeds
	is "ticket_grab tells: $what" last_line_is "$last"
	is "ticket_grab writes: $what" cmp -s "$file" "$tmp/after"
}

sells "a file" '{"count": 3}' '{"count": 0}' \
	"tickets: 3, people: 50, sold: 3, left: 0"
sells "no ticket" '{"count": 0}\n' '{"count": 0}\n' \
	"tickets: 0, people: 50, sold: 0, left: 0"
sells "more tickets than people" '{"count":10}' '{"count":7}' \
	"tickets: 10, people: 3, sold: 3, left: 7" --people 3
sells "as many as people" '\t{"count":4}\r\n' '\t{"count":0}\r\n' \
	"tickets: 4, people: 4, sold: 4, left: 0" --people 4
sells "the largest count" '{"count": 1000000}' '{"count": 999999}' \
	"tickets: 1000000, people: 1, sold: 1, left: 999999" --people 1
sells "an escaped key" '{"\\u0063o\\u0075nt": 2}' '{"\\u0063o\\u0075nt": 0}' \
	"tickets: 2, people: 5, sold: 2, left: 0" --people 5
other='{ "where": {"count": 9, "a": [1, {"count": -8.5e+3}], "b": {}},\n
	"text": "\\"count\\": 7, \\\\", "包子": "\\u5305子 \\ud83d\\ude00",
	"counts": 5, "Count": 6, "coun": [ ], "t": [true, false, null, -0],'
sells "other fields" "$other \"count\" : 12 , \"z\": {\"count\": 4} }\n\n" \
	"$other \"count\" : 8 , \"z\": {\"count\": 4} }\n\n" \
	"tickets: 12, people: 4, sold: 4, left: 8" --people 4
deep=$(awk 'BEGIN { for (i = 0; i < 400; i++) { a = a "["; z = z "]" }
	print a z }')
sells "deep nesting" "{\"d\": $deep, \"count\": 1}" \
	"{\"d\": $deep, \"count\": 0}" \
	"tickets: 1, people: 2, sold: 1, left: 0" --people 2
is "ticket_grab leaves nothing beside the file" no_litter

is_link_to_file() {
	[ -h "$tmp/link" ] && [ "$(cat "$file")" = '{"count": 1}' ]
}

mode_is() {
	# shellcheck disable=SC2012 # ls shows the mode
	[ "$(ls -l "$file" | cut -c 1-10)" = "$1" ]
}

printf '{"count": 2}' >"$file"
chmod 640 "$file"
ln -s "$file" "$tmp/link"
run ticket_grab --file "$tmp/link" --people 1
is "ticket_grab keeps a link, and changes its target" is_link_to_file
is "ticket_grab keeps the mode" mode_is -rw-r-----

# So a kill in the middle of a write cannot leave half of it.
printf '{"count": 3}' >"$file"
cp "$file" "$tmp/after"
ln "$file" "$tmp/old"
run ticket_grab --file "$file"
is "ticket_grab replaces the file, and never writes into it" \
	cmp -s "$tmp/old" "$tmp/after"

# refuses_file NAME: the file as it is now is refused and not touched
refuses_file() {
	cp "$file" "$tmp/after"
	run ticket_grab --file "$file"
	is "ticket_grab refuses $1" refuses
	is "ticket_grab leaves alone $1" cmp -s "$file" "$tmp/after"
}

refuses_text() {
	# shellcheck disable=SC2059 # a text with escapes is a format
	printf "$2" >"$file"
	refuses_file "$1"
}

chmod 600 "$file"
refuses_text "an empty file" ''
refuses_text "no object" '[3]'
refuses_text "a bare number" '3'
refuses_text "no count" '{}'
refuses_text "a count that is not on top" '{"a": {"count": 3}}'
refuses_text "a negative count" '{"count": -1}'
refuses_text "minus zero" '{"count": -0}'
refuses_text "a count beyond the limit" '{"count": 1000001}'
refuses_text "a huge count" '{"count": 18446744073709551619}'
refuses_text "a float" '{"count": 3.0}'
refuses_text "an exponent" '{"count": 3e0}'
refuses_text "a string" '{"count": "3"}'
refuses_text "null" '{"count": null}'
refuses_text "true" '{"count": true}'
refuses_text "a list" '{"count": [3]}'
refuses_text "two counts" '{"count": 3, "count": 3}'
refuses_text "two counts, one escaped" '{"count": 3, "co\\u0075nt": 3}'
refuses_text "a leading zero" '{"count": 03}'
refuses_text "a plus sign" '{"count": +3}'
refuses_text "a missing brace" '{"count": 3'
refuses_text "a missing value" '{"count": }'
refuses_text "a missing colon" '{"count" 3}'
refuses_text "a missing comma" '{"count": 3 "a": 1}'
refuses_text "a trailing comma" '{"count": 3,}'
refuses_text "something behind" '{"count": 3} x'
refuses_text "a second document" '{"count": 3}{"count": 3}'
refuses_text "a comment" '{"count": 3 /* three */}'
refuses_text "single quotes" "{'count': 3}"
refuses_text "a key without quotes" '{count: 3}'
refuses_text "an open string" '{"count": 3, "a": "b}'
refuses_text "an unknown escape" '{"count": 3, "a": "\\x"}'
refuses_text "a short escape" '{"count": 3, "a": "\\u12"}'
refuses_text "a line break in a string" '{"count": 3, "a": "\n"}'
refuses_text "a zero byte in an escape" '{"count": 3, "a": "\\\000"}'
refuses_text "a zero byte behind" '{"count": 3}\000'
refuses_text "a byte order mark" '\357\273\277{"count": 3}'
refuses_text "Latin-1" '{"count": 3, "a": "\344"}'
refuses_text "overlong UTF-8" '{"count": 3, "a": "\300\257"}'
refuses_text "a surrogate in UTF-8" '{"count": 3, "a": "\355\240\200"}'
refuses_text "mismatched brackets" '{"count": 3, "a": [1}'
refuses_text "a wrong word" '{"count": 3, "a": nul}'
refuses_text "a lone point" '{"count": 3, "a": .5}'
refuses_text "an empty fraction" '{"count": 3, "a": 5.}'
awk 'BEGIN { printf "{\"count\": 3, \"d\": "
	for (i = 0; i < 200000; i++) printf "[" }' >"$file"
refuses_file "bottomless nesting"
awk 'BEGIN { printf "{\"count\": 3}"
	for (i = 0; i < 1048576; i++) printf " " }' >"$file"
refuses_file "a file larger than 1 MiB"

printf '{"count": 3}' >"$file"
if [ "$(id -u)" -eq 0 ]; then
	skip "ticket_grab refuses an unreadable file" "root may read it"
	skip "ticket_grab refuses a write-protected file" "root may write it"
else
	chmod 000 "$file"
	run ticket_grab --file "$file"
	is "ticket_grab refuses an unreadable file" refuses
	chmod 444 "$file"
	refuses_file "a write-protected file"
	chmod 600 "$file"
fi
run ticket_grab --file "$tmp/work/missing"
is "ticket_grab refuses a missing file" refuses
run ticket_grab --file "$tmp/work"
is "ticket_grab refuses a directory" refuses
mkfifo "$tmp/fifo"
run ticket_grab --file "$tmp/fifo"
is "ticket_grab refuses a FIFO" refuses

# refuses_options PROGRAM OPTION...
refuses_options() {
	run "$@"
	is "$*: refused" refuses
}

for options in --what -h --people "--people 0" "--people 1001" \
	"--people 5x" "--people x" "--people +5" "--people -5" "--people 5.0" \
	"--people 99999999999999999999" --seed "--seed -1" "--seed x" --file \
	"--no-lock=1" "--seed 1 --people" "word"; do
	# shellcheck disable=SC2086 # several words
	refuses_options ticket_grab $options
done
refuses_options ticket_grab --people ""
refuses_options ticket_grab --people " 5"
refuses_options ticket_grab --file ""
is "ticket_grab leaves nothing when it refuses" no_litter

# what people believe that they bought, and what the file says
oversold() {
	sold=$(tail -n 1 "$out" | sed 's/.*sold: \([0-9]*\),.*/\1/')
	left=$(tail -n 1 "$out" | sed 's/.*left: //')
	[ "$sold" -gt 3 ] && [ "$(grep -c ' buys ' "$out")" -eq "$sold" ] &&
		last_line_is \
			"tickets: 3, people: 50, sold: $sold, left: $left" &&
		[ "$(cat "$file")" = "{\"count\": $left}" ]
}

printf '{"count": 3}' >"$file"
run ticket_grab --no-lock --file "$file"
is "ticket_grab --no-lock ends well" succeeds
is "ticket_grab --no-lock sells what is not there" oversold
run ticket_grab --no-lock
is "ticket_grab --no-lock leaves no file of its own" no_litter

# who thinks how long; who comes first is left to chance
thoughts() {
	printf '{"count": 9}' >"$file"
	run ticket_grab --file "$file" --people 9 --seed "$1"
	grep ' thinks ' "$out" | sed 's/ and buys.*//' | sort
}

same_seed_same_thoughts() {
	[ "$(thoughts 7 | wc -l)" -eq 9 ] &&
		[ "$(thoughts 7)" = "$(thoughts 7)" ]
}

other_seed_other_thoughts() {
	[ "$(thoughts 7)" != "$(thoughts 8)" ]
}

is "ticket_grab: the same seed, the same thoughts" same_seed_same_thoughts
is "ticket_grab: another seed, other thoughts" other_seed_other_thoughts

# ---- ticket_grab, killed ----

# look PID: its $state (R, S, T, Z, ...) and $parent; fails if it is gone
look() {
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
	# shellcheck disable=SC2086 # split it
	set -- ${stat##*) }
	state=$1 parent=$2
}

is_running() {
	look "$1" && [ "$state" != Z ] && [ "$state" != X ]
}

find_children() { # of $1, into $children
	children=
	for dir in /proc/[0-9]*; do
		look "${dir#/proc/}" && [ "$parent" = "$1" ] &&
			children="$children ${dir#/proc/}"
	done
}

# fails if the process has ended before
freeze() {
	kill -s STOP "$1" 2>/dev/null
	while is_running "$1"; do
		[ "$state" = T ] && return 0
	done
	return 1
}

# within 30 seconds; an orphan may stay a zombie of process 1
is_gone() {
	tries=0
	while is_running "$1"; do
		tries=$((tries + 1))
		[ "$tries" -lt 3000 ] || return 1
		sleep 0.01
	done
}

wait_for_sales() { # until $1 were sold
	while is_running "$main"; do
		[ "$(grep -c ' buys ' "$out")" -lt "$1" ] || break
	done
}

is_whole() { # 0 to $start tickets, and all the rest as it was
	now=$(sed 's/.*"count": \([0-9]*\).*/\1/' "$file")
	printf '{"a": [1, 2], "count": %d, "z": "豆浆"}\n' "$now" |
		cmp -s - "$file" && [ "$now" -ge 0 ] && [ "$now" -le "$start" ]
}

start_sale() { # of $1 tickets to as many people: more than 5 ms for each
	start=$1
	printf '{"a": [1, 2], "count": %d, "z": "豆浆"}\n' "$start" >"$file"
	: >"$out"
	"$bin/ticket_grab" --file "$file" --people "$start" >"$out" 2>"$err" \
		</dev/null &
	main=$!
}

# Kills main and all its children, after $1 sales and a moment of $2 ms.
kill_sale() {
	start_sale 30
	wait_for_sales "$1"
	sleep "0.00$2"
	freeze "$main"
	find_children "$main"
	for pid in $main $children; do
		kill -s KILL "$pid" 2>/dev/null
	done
	wait "$main" 2>/dev/null
	rc=$?
	main=
	for pid in $children; do
		is_gone "$pid" || return 1
	done
	is_whole && [ "$now" -le $((start - $1)) ]
}

survives_kills() {
	in_the_middle=0 i=0
	while [ "$i" -lt 20 ]; do
		kill_sale $((i % 10)) $((i * 7 % 10)) || return 1
		[ "$rc" -eq 137 ] && [ "$now" -gt 0 ] &&
			[ "$now" -lt "$start" ] &&
			in_the_middle=$((in_the_middle + 1))
		rm -f "$tmp"/work/.tickets.*
		i=$((i + 1))
	done
}

is "ticket_grab: 20 kills leave the file whole" survives_kills
is "ticket_grab: some of them came in the middle" [ "$in_the_middle" -gt 0 ]

# Only one person is killed, in the middle of the sale: all others get theirs.
kill_person() {
	start_sale 150
	wait_for_sales 2
	find_children "$main"
	for pid in $children; do
		freeze "$pid" && break
	done
	kill -s KILL "$pid" 2>/dev/null
	is_gone "$main" || kill -s KILL "$main"
	wait "$main"
	rc=$?
	main=
	[ "$rc" -eq 1 ] && grep -q 'person [0-9]* failed: -9' "$err" &&
		is_whole && [ "$now" -le 1 ]
}

is "ticket_grab: one is killed, the others buy" kill_person
rm -f "$tmp"/work/.tickets.*

# ---- the baozi programs ----

# each of $1 items is made once, eaten once, and not before it was made
each_item_once() {
	awk -v expected="$1" '
	{ item = $0; sub(/.* (makes|eats) /, "", item) }
	/ makes / { made[item]++; n++ }
	/ eats / { if (++eaten[item] > made[item]) wrong = 1 }
	END {
		for (item in made)
			if (made[item] != 1 || eaten[item] != 1)
				wrong = 1
		exit wrong || n != expected
	}' "$out"
}

# the lines "WHO DOES 包子 1" to 10, in this order
ten() {
	lines_are "^$1" "$1 包子 1" "$1 包子 2" "$1 包子 3" "$1 包子 4" \
		"$1 包子 5" "$1 包子 6" "$1 包子 7" "$1 包子 8" "$1 包子 9" \
		"$1 包子 10"
}

for program in baozi_sentinel baozi; do
	run $program
	is "$program ends well" succeeds
	is "$program counts" last_line_is "made: 10, eaten: 10"
	is "$program: the cook makes ten" ten "cook makes"
	is "$program: the guest eats them in order" ten "guest eats"
	is "$program: nothing is eaten before it is made" each_item_once 10
	case $program in
	baozi_sentinel) end="guest goes home" ;;
	*) end="cook: everything is eaten" ;;
	esac
	tail -n 2 "$out" >"$tmp/tail"
	is "$program: $end, after the last" \
		[ "$(head -n 1 "$tmp/tail")" = "$end" ]
	takes_no_options "$program"
done

# makes_and_eats NUMBER OPTION...
makes_and_eats() {
	number=$1
	shift
	run baozi_many "$@"
	what="baozi_many${*:+ $*}"
	is "$what: ends well" succeeds
	is "$what: counts" last_line_is "made: $number, eaten: $number"
	is "$what: each item once" each_item_once "$number"
}

kinds() {
	for kind in 包子 骨头 豆浆; do
		[ "$(grep -c " makes $kind [0-9]*\$" "$out")" -eq 10 ] ||
			return 1
	done
}

makes_and_eats 30
is "baozi_many makes ten of each kind" kinds
makes_and_eats 1 --items 1 --producers 1 --consumers 1
makes_and_eats 2000 --items 400 --producers 5 --consumers 4
makes_and_eats 14 --items 2 --producers 7 --consumers 20
for options in --what --items "--items 0" "--items 100001" "--items 1e3" \
	"--producers 0" "--producers 101" "--producers x" --producers \
	"--consumers 0" "--consumers -1" --consumers "10"; do
	# shellcheck disable=SC2086 # several words
	refuses_options baozi_many $options
done

# ---- workers that are killed ----

# the second number of "tasks: N, workers killed: N, redelivered: N"
redelivered() {
	n=$(sed -n 's/^tasks: [0-9]*, workers killed: [0-9]*, redelivered: //p' \
		"$out")
	[ "$n" -ge "$1" ] && [ "$n" -le "$2" ]
}

# batch_is_right SUM LEAST MOST OPTION...
batch_is_right() {
	sum=$1 least=$2 most=$3
	shift 3
	run batch "$@"
	what="batch${*:+ $*}"
	is "$what: ends well" succeeds
	is "$what: the sum" last_line_is "sum: $sum, right: yes"
	is "$what: redelivered" redelivered "$least" "$most"
}

batch_is_right 2664667000 1 100
batch_is_right 2664667000 0 0 --kills 0
batch_is_right 328350 0 300 --tasks 100 --workers 1 --kills 300
for options in --what --tasks "--tasks 0" "--workers 65" "--kills -1"; do
	# shellcheck disable=SC2086 # several words
	refuses_options batch $options
done

# ---- nobody reads ----

# The reader of PROGRAM's output goes away after one line.
reader_leaves() {
	{
		timeout 30 "$bin/$1" 2>"$err"
		echo $? >"$tmp/rc"
	} | head -n 1 >"$out"
	rc=$(cat "$tmp/rc")
	[ "$rc" -ne 124 ] && [ -s "$out" ]
}

for program in toilet ticket_grab baozi_sentinel baozi baozi_many; do
	is "$program ends when the reader leaves" reader_leaves $program
done
is "ticket_grab leaves no file when the reader leaves" no_litter

full_disk() {
	timeout 30 "$bin/$1" >/dev/full 2>"$err"
	rc=$?
	[ "$rc" -eq 1 ] && [ -s "$err" ]
}

for program in ticket_grab baozi_sentinel baozi baozi_many pipe_talk \
	shared_counter batch ledger; do
	is "$program says that it cannot write" full_disk $program
done

# ---- the others ----

run pipe_talk
is "pipe_talk ends well" succeeds
is "pipe_talk: the dialogue" lines_are '' \
	"cook hears: one 包子, please" "guest hears: coming!" \
	"cook hears: and a 豆浆" "guest hears: coming!" \
	"cook: the guest has hung up" "guest: the cook has gone home"
takes_no_options pipe_talk

counted_without_lock() { # anything from one process's share up to all
	line=$(head -n 1 "$out")
	n=${line#without the lock: }
	n=${n% of 80000000}
	[ "$line" = "without the lock: $n of 80000000" ] && [ "$n" -gt 0 ] &&
		[ "$n" -le 80000000 ]
}

run shared_counter
is "shared_counter ends well" succeeds
is "shared_counter prints two lines" [ "$(wc -l <"$out")" -eq 2 ]
is "shared_counter without the lock" counted_without_lock
is "shared_counter with the lock" last_line_is "with the lock: 40000 of 40000"
takes_no_options shared_counter

run ledger
is "ledger ends well" succeeds
is "ledger: killed inside, told once, nothing lost" lines_are '' \
	"after the good clerk: 900 + 100 = 1000" \
	"unlucky clerk: killed by signal 9" \
	"told: a clerk died, 700 + 100 was left" \
	"after the unlucky clerk: 900 + 100 = 1000"
takes_no_options ledger

run queue_kinds
is "queue_kinds ends well" succeeds
is "queue_kinds: each kind in its order" lines_are '' \
	"first in, first out: soup rice tea noodles dumplings" \
	"last in, first out: dumplings noodles tea rice soup" \
	"by priority: tea soup dumplings rice noodles" \
	"both ends: cake soup rice tea noodles"
takes_no_options queue_kinds

run daemons
is "daemons ends well" succeeds
is "daemons leaves no zombie" last_line_is "zombies: 0"

echo "1..$count"
[ "$failed" -eq 0 ]
