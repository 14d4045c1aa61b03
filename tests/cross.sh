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

# all tests, but what a target cannot do
if [ $# = 0 ]; then
	out_of_it=none
	case $target in
	m32)
		# these want more addresses than such a queue has, 128 MiB
		out_of_it="queue_growing_(full|memory)|queue_faults"
		out_of_it="$out_of_it|joinable_full"
		# the tool does not see who sleeps by the calls of 32-bit
		# programs
		out_of_it="$out_of_it|tool_stat" ;;
	aarch64)
		# what the emulator is not good for, a test says itself. Left
		# out is what has nothing else: the tool, which is another
		# program for it; calls that fail to order, which are not all
		# made there; libc's robust mutexes beside ours, which are none
		# there; and queues without maxsize: of what is mapped the
		# emulator keeps an account, page by page, that takes minutes
		# and more memory than there is
		out_of_it="tool_.*|.*_faults|lease_list|mutex_robust"
		out_of_it="$out_of_it|queue_(unbounded|pool_grows)"
		out_of_it="$out_of_it|queue_growing_damage|joinable_full"
		# half a minute each
		out_of_it="$out_of_it|lease_many|joinable_traffic|queue_ends" ;;
	esac
	set -- $(ls tests | sed -n 's/^test_\(.*\)\.c$/\1/p' |
		grep -vxE "$out_of_it")
fi
# build LDFLAGS TARGETS
build() {
	make --no-print-directory -s BUILD="$out" CC="$cc" \
		CFLAGS="-O1 -g $flags -I$PWD/$out/cmocka" \
		LDFLAGS="$1 -L$PWD/$out/cmocka" $2 || exit 1
}

programs= faults=
for name; do
	case $name in
	*_faults) faults="$faults $out/tests/test_$name" ;;
	*) programs="$programs $out/tests/test_$name" ;;
	esac
done
build "$ld" "$out/libipc $(ls examples/*.c | grep -v ticket_file |
	sed "s|\(.*\)\.c|$out/\1|" | tr '\n' ' ') $programs"
# not static: there libc's own calls would be made to fail, too
[ -z "$faults" ] || build "" "$faults"
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
[ -z "$runner" ] || TEST_SLOW=${TEST_SLOW:-4}
export TEST_RUNNER TEST_SLOW
exec tests/run.sh $programs $faults
