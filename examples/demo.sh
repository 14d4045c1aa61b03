#!/bin/sh
# SPDX-License-Identifier: MIT
#
# demo.sh - sells tickets and eats baozi, and checks the sums
#
#	examples/demo.sh DIRECTORY-OF-THE-PROGRAMS

bin=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# number WORD FILE: what the last line says behind "WORD: "
number() {
	tail -n 1 "$2" | sed -n "s/.*$1: \([0-9][0-9]*\).*/\1/p"
}

# show NAME PROGRAM ARGUMENT...: runs it, and keeps its output in NAME
show() {
	out=$work/$1
	shift
	echo "\$ $(basename "$1")"
	if ! "$@" >"$out"; then
		cat "$out"
		echo "demo: $(basename "$1") failed" >&2
		exit 1
	fi
	cat "$out"
	echo
}

echo '{"count": 3}' >"$work/tickets.json"
show sale "$bin/ticket_grab" --file "$work/tickets.json"
show meal "$bin/baozi_many"

tickets=$(number tickets "$work/sale") sold=$(number sold "$work/sale")
people=$(number people "$work/sale") left=$(number left "$work/sale")
made=$(number made "$work/meal") eaten=$(number eaten "$work/meal")
count=$(sed -n 's/.*"count": *\([0-9]*\).*/\1/p' "$work/tickets.json")

if [ "$tickets/$sold/$left/$count" != 3/3/0/0 ] || [ -z "$made" ] ||
	[ "$made" != "$eaten" ]; then
	echo "demo: the sums differ" >&2
	exit 1
fi
echo "demo: $sold tickets sold to $people people, $made baozi made, $eaten eaten"
