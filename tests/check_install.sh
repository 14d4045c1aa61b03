#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_install.sh - a program outside of this tree can be built against what
# `make install` put there, and runs; `make uninstall` leaves nothing.

unset MAKEFLAGS # not a part of the make that may have called us
root=$(mktemp -d) || exit 2
trap 'rm -rf "$root"' EXIT
fail() {
	echo "install: $*" >&2
	exit 1
}

cat >"$root/program.c" <<'END'
#include <libipc.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct ipc_mutex *m;

	return argc != 2 || strcmp(argv[1], ipc_version()) != 0 ||
	       ipc_mutex_create(&m, NULL, NULL) != 0 ||
	       ipc_mutex_lock(m, 0) != 0 || ipc_mutex_unlock(m) != 0 ||
	       ipc_mutex_close(m) != 0;
}
END

# DESTDIR is where it is put, PREFIX where it will be: here the same place
dirs="BINDIR=/p/bin LIBDIR=/p/lib INCLUDEDIR=/p/include MANDIR=/p/man"
${MAKE:-make} -s --no-print-directory install DESTDIR="$root" PREFIX=/p $dirs \
	>/dev/null || fail "make install"
cp -r "$root/p" "$root/q"

if command -v pkg-config >/dev/null; then
	PKG_CONFIG_PATH=$root/p/lib/pkgconfig
	PKG_CONFIG_SYSROOT_DIR=$root
	export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
	version=$(pkg-config --modversion libipc) || fail "pkg-config"
	flags=$(pkg-config --cflags --libs libipc) || fail "pkg-config"
	static=$(pkg-config --cflags --libs --static libipc)
else
	echo "install: no pkg-config here, libipc.pc not tried" >&2
	version=$(sed -n 's/^Version: //p' "$root/p/lib/pkgconfig/libipc.pc")
	flags="-I$root/p/include -L$root/p/lib -lipc"
	static="$flags -pthread -lrt"
fi

${CC:-cc} "$root/program.c" $flags -o "$root/shared" || fail "shared"
LD_LIBRARY_PATH=$root/p/lib "$root/shared" "$version" ||
	fail "a program with libipc.so, version $version, fails"
[ "$("$root/p/bin/libipc" --version)" = "libipc $version" ] ||
	fail "the program libipc is not of version $version"
[ -s "$root/p/man/man1/libipc.1" ] || fail "no manual page"
rm "$root"/p/lib/*.so*
${CC:-cc} "$root/program.c" $static -o "$root/static" || fail "static"
"$root/static" "$version" || fail "a program with libipc.a fails"

cp -r "$root/q/." "$root/p"
${MAKE:-make} -s --no-print-directory uninstall DESTDIR="$root" PREFIX=/p $dirs \
	>/dev/null || fail "make uninstall"
left=$(find "$root/p" ! -type d)
[ -z "$left" ] || fail "make uninstall left" $left
echo "install: version $version, shared and static"
