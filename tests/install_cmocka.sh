#!/bin/sh
# SPDX-License-Identifier: MIT
#
# install_cmocka.sh - sees to it that tests can be compiled and linked with
# cmocka. Where it is missing, installs the system's package if the user may,
# else prints the one command to type and exits with 2.

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

cat >"$work/probe.c" <<'END'
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
static const struct CMUnitTest tests[] = {
	cmocka_unit_test_prestate_setup_teardown(0, 0, 0, 0)};
int main(void) { return cmocka_run_group_tests(tests, 0, 0); }
END

works() {
	${CC:-cc} $CFLAGS "$work/probe.c" $LDFLAGS -lcmocka -o "$work/probe" \
		>"$work/log" 2>&1
}

# how this system installs it
command_of() {
	if command -v apt-get >/dev/null; then
		echo "apt-get install -y libcmocka-dev"
	elif command -v dnf >/dev/null; then
		echo "dnf install -y libcmocka-devel"
	elif command -v pacman >/dev/null; then
		echo "pacman -S --noconfirm cmocka"
	elif command -v apk >/dev/null; then
		echo "apk add cmocka-dev"
	elif command -v zypper >/dev/null; then
		echo "zypper --non-interactive install libcmocka-devel"
	elif command -v brew >/dev/null; then
		echo "brew install cmocka"
	fi
}

works && exit 0

install=$(command_of)
if [ -z "$install" ]; then
	echo "The tests need cmocka (https://cmocka.org). Install it, then" \
		"type make test again." >&2
	exit 2
fi

# the command to type, and how to run it here, if that is allowed
sudo=
may_install=yes
case $install in
brew*) ;; # refuses to run as root
*)
	if [ "$(id -u)" != 0 ]; then
		sudo="sudo "
		sudo -n true 2>/dev/null || may_install=no
	fi
	;;
esac

run() {
	echo "cmocka is missing: $*" >&2
	${sudo:+sudo -n} env DEBIAN_FRONTEND=noninteractive "$@" </dev/null \
		>"$work/log" 2>&1
}

if [ $may_install = yes ]; then
	run $install
	works && exit 0
	# a fresh system has no lists of packages yet
	case $install in
	apt-get*) run apt-get update && run $install ;;
	apk*) run apk update && run $install ;;
	pacman*) run pacman -Sy --noconfirm cmocka ;;
	esac
	works && exit 0
	tail -n 5 "$work/log" >&2
fi
echo "The tests need cmocka. Type this, then make test again:" >&2
echo "    $sudo$install" >&2
exit 2
