#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_headers.sh - every public header compiles without a warning, alone, in
# any order, twice, and after the system headers that own the names IPC_*; as
# C99, C11 and C++11, with each compiler that is here.

flags="-Wall -Wextra -Wpedantic -Werror -fsyntax-only -Iinclude"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0 done=0

# unit NAME HEADER...: a file that includes these
unit() {
	out=$work/$1.c
	shift
	for header; do
		echo "#include <$header>"
	done >"$out"
	echo "extern int ipc_unit; int ipc_unit = LIBIPC_FOREVER;" >>"$out"
}

system="sys/ipc.h sys/types.h mqueue.h semaphore.h"
headers=$(cd include && ls libipc.h ipc/*.h)
backwards=$(for h in $headers; do echo "$h"; done | sort -r)
i=0
for h in $headers; do
	i=$((i + 1))
	unit "alone$i" "$h"
	unit "after$i" $system "$h"
	unit "before$i" "$h" $system
	unit "twice$i" "$h" "$h"
done
unit forwards $headers
unit backwards $backwards

# try COMPILER OPTION...: all units at once
try() {
	if ! "$@" $flags "$work"/*.c; then
		echo "headers: not clean with $*" >&2
		failed=1
	fi
	done=$((done + 1))
}

for cc in gcc clang; do
	if ! command -v $cc >/dev/null; then
		echo "headers: no $cc here, not tried" >&2
		continue
	fi
	try $cc -std=c99
	try $cc -std=c11
	if echo | $cc -x c++ -fsyntax-only - 2>/dev/null; then
		try $cc -x c++ -std=c++11
	else
		echo "headers: no C++ with $cc here, not tried" >&2
	fi
done
if [ $done = 0 ]; then
	echo "headers: neither gcc nor clang here" >&2
	failed=1
fi
[ $failed = 0 ] && echo "headers: clean in $done languages and compilers"
exit $failed
