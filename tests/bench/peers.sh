#!/bin/sh
# SPDX-License-Identifier: MIT
#
# peers.sh - which libraries to compare with are here: a header for the
# benchmark's files, or with "libs" what to link
#
#	CC=cc CXX=c++ tests/bench/peers.sh [libs]

# $1: language, $2: compiler, $3: header
has() {
	echo "#include <$3>" | "$2" -x "$1" -E - >/dev/null 2>&1
}

CC=${CC:-cc} CXX=${CXX:-c++}
if [ "$1" = libs ]; then
	has c "$CC" qb/qbrb.h && echo "-lqb"
	has c++ "$CXX" boost/lockfree/queue.hpp && echo "-lstdc++"
	exit 0
fi
has c "$CC" ck_ring.h && echo "#define HAVE_CK 1"
has c "$CC" qb/qbrb.h && echo "#define HAVE_QB 1"
has c++ "$CXX" boost/lockfree/queue.hpp && echo "#define HAVE_LOCKFREE 1"
has c++ "$CXX" boost/interprocess/ipc/message_queue.hpp &&
	echo "#define HAVE_INTERPROCESS 1"
exit 0
