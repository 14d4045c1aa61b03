#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_symbols.sh - the headers, the map and the shared library name the same
# functions, and the static library exports no name that is not ours.

build=${BUILD:-build}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0

cat include/libipc.h include/ipc/*.h | awk '
	/^LIBIPC_API/ { open = 1 }
	open { text = text " " $0 }
	open && /;/ {
		match(text, /ipc_[a-z0-9_]+\(/)
		print substr(text, RSTART, RLENGTH - 1)
		open = 0
		text = ""
	}' | sort >"$work/headers"

awk '/global:/ { on = 1; next } /local:/ { on = 0 }
	on && /;/ { gsub(/[ \t;]/, ""); print }' src/libipc.map |
	sort >"$work/map"

nm -D --defined-only "$build/libipc.so.0" | awk '$2 != "A" {
	sub(/@.*/, "", $3); print $3 }' | sort >"$work/so"

# same WHAT FILE WHAT FILE
same() {
	if ! diff "$2" "$4" >"$work/diff"; then
		echo "symbols: < only in $1, > only in $3" >&2
		grep '^[<>]' "$work/diff" >&2
		failed=1
	fi
}

same "the headers" "$work/headers" "the map" "$work/map"
same "the headers" "$work/headers" "libipc.so.0" "$work/so"

if nm -g --defined-only "$build/libipc.a" |
	awk 'NF == 3 && $3 !~ /^ipci?_/' | grep . >&2; then
	echo "symbols: libipc.a exports names that are not ipc_* or ipci_*" >&2
	failed=1
fi

count=$(wc -l <"$work/headers")
[ "$count" -gt 0 ] || failed=1
[ $failed = 0 ] && echo "symbols: $count functions, the same in all lists"
exit $failed
