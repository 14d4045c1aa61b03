#!/bin/sh
# SPDX-License-Identifier: MIT
#
# cross.sh - the tests with another libc or on another kind of machine
#
#	tests/cross.sh musl|m32|aarch64 [test name...]
#
# Where the kernel cannot run what was built, it says so, and that is all.
# Installs nothing: where a compiler, an emulator or the source of cmocka is
# missing, it says which one, and exits with 2. cmocka comes as source, because
# no system has it for all three; CMOCKA says where, else it is looked for where
# `cd build && apt-get source cmocka` puts it.

target=$1
[ $# -gt 0 ] && shift
out=build/$target
lacking=

# need COMMAND PACKAGE
need() {
	command -v "$1" >/dev/null || lacking="$lacking $2"
}

runner=
libs=
case $target in
musl)
	need musl-gcc musl-tools
	cc=musl-gcc
	# the kernel's headers are not a part of musl
	flags="-idirafter $PWD/$out/kernel"
	ld=-static
	;;
m32)
	need gcc gcc-multilib
	echo 'int main(void) { return 0; }' | gcc -m32 -x c -o /dev/null - \
		2>/dev/null || lacking="$lacking gcc-multilib"
	cc="gcc -m32"
	flags="-Wno-psabi -idirafter $PWD/$out/kernel"
	ld=
	;;
aarch64)
	need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
	need qemu-aarch64 qemu-user
	cc=aarch64-linux-gnu-gcc
	flags=
	ld=-static
	runner=qemu-aarch64
	;;
*)
	echo "usage: tests/cross.sh musl|m32|aarch64 [test name...]" >&2
	exit 2
	;;
esac
source=${CMOCKA:-$(find build -maxdepth 1 -type d -name 'cmocka-[0-9]*' \
	2>/dev/null | head -n 1)}
[ -f "$source/src/cmocka.c" ] ||
	lacking="$lacking cmocka's source (cd build && apt-get source cmocka)"
if [ -n "$lacking" ]; then
	echo "cross.sh: missing:$lacking" >&2
	exit 2
fi

# asm/ and linux/ of this machine, and nothing else that is there
mkdir -p "$out/kernel" "$out/cmocka"
for name in linux asm-generic; do
	ln -sfn "/usr/include/$name" "$out/kernel/$name"
done
ln -sfn "/usr/include/$(uname -m)-linux-gnu/asm" "$out/kernel/asm"

if [ ! -f "$out/cmocka/libcmocka.a" ]; then
	$cc $flags -w -O1 -I"$source/include" -DHAVE_SIGNAL_H=1 \
		-DHAVE_STRUCT_TIMESPEC=1 -DHAVE_CLOCK_GETTIME_REALTIME=1 \
		-DHAVE_UNISTD_H=1 -DHAVE_INTTYPES_H=1 -DHAVE_MALLOC_H=1 \
		-D_GNU_SOURCE -DHAVE_GCC_THREAD_LOCAL_STORAGE=1 \
		-DHAVE_SETJMP_H=1 -DHAVE_STRINGS_H=1 \
		-c "$source/src/cmocka.c" -o "$out/cmocka/cmocka.o" &&
		ar rcs "$out/cmocka/libcmocka.a" "$out/cmocka/cmocka.o" || exit 1
	cp "$source/include/cmocka.h" "$out/cmocka"
fi

# all tests, but those that need the tool or calls that fail to order, the long
# ones, and what says nothing about this target
if [ $# = 0 ]; then
	out_of_it='tool.*|.*_faults|.*_random|.*_churn|queue_(long|growing.*)'
	case $target in
	musl) # which error it is when there are no addresses, or such
		out_of_it="$out_of_it|named_limits|process_errors" ;;
	m32) # sizes that take more than 32 bits, or more addresses than that
		out_of_it="$out_of_it|pipe_damage|ring_sizes|shared_create"
		out_of_it="$out_of_it|queue_unbounded" ;;
	aarch64)
		# the emulator has no robust lists: a lock that names one who is
		# not there is free, libc's robust mutexes are none; and no
		# seccomp, no namespaces, and no exec of another program for it
		out_of_it="$out_of_it|backend|damaged_waits|lease_list|harness"
		out_of_it="$out_of_it|(pipe|queue)_damage"
		out_of_it="$out_of_it|mutex_robust|named_(limits|namespaces)"
		out_of_it="$out_of_it|named_programs|queue_named"
		out_of_it="$out_of_it|process_(errors|exit|group|no_pidfd)"
		out_of_it="$out_of_it|process_(parent_death|signal)"
		# too slow: memory that is mapped is the emulator's own business,
		# page by page, and a queue without maxsize maps much of it; and
		# what is resident is the emulator
		out_of_it="$out_of_it|queue_(unbounded|pool_grows)"
		# too slow
		out_of_it="$out_of_it|lease_many|.*_(threads|traffic|kill)"
		out_of_it="$out_of_it|queue_(ends|priority|pingpong)" ;;
	esac
	set -- $(ls tests | sed -n 's/^test_\(.*\)\.c$/\1/p' |
		grep -vxE "$out_of_it")
fi
programs=
for name; do
	programs="$programs $out/tests/test_$name"
done
make --no-print-directory -s BUILD="$out" CC="$cc" \
	CFLAGS="-O1 -g $flags -I$PWD/$out/cmocka" \
	LDFLAGS="$ld -L$PWD/$out/cmocka" $programs || exit 1
# some kernels have no 32-bit programs, whatever the compiler can do
echo 'int main(void) { return 7; }' |
	$cc $flags $ld -x c -o "$out/seven" - || exit 1
$runner "$out/seven" >/dev/null 2>&1
if [ $? != 7 ]; then
	echo "cross.sh: this kernel runs no programs for $target:" \
		"the tests were built, and NOT RUN"
	exit 0
fi
TEST_RUNNER=$runner
export TEST_RUNNER
exec tests/run.sh $programs
