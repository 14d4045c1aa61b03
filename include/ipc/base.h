/* SPDX-License-Identifier: MIT */
/*
 * base.h - version, constants, and what holds for every object
 *
 * ERRORS     int and long: negative errno, nothing happened, nothing is owned.
 *            Zero or positive: it happened; the number is a count, a length or
 *            a piece of news. The variable errno says nothing, and may change.
 * TIMEOUTS   timeout_ms, always the last parameter, in milliseconds of
 *            CLOCK_MONOTONIC, never early. 0 tries once (-EAGAIN), negative
 *            (LIBIPC_FOREVER) waits for ever, else -ETIMEDOUT when it ran out.
 *            What is available is taken whatever the timeout. A signal handler
 *            that runs meanwhile changes nothing: -EINTR never escapes.
 * NAMES      NULL: anonymous, shared with children made by fork(). Else a
 *            slash and 1 to 250 bytes without a slash, as for shm_open():
 *            anything else is -EINVAL, longer -ENAMETOOLONG. A name is given
 *            last, to a complete object, and once (-EEXIST): nobody ever sees
 *            half of one. The permissions are exactly those asked for, whatever
 *            the umask. It stays until ipc_unlink(), also when nobody has it
 *            open; the program libipc shows what there is, and `libipc gc`
 *            removes what nobody has.
 * OPTIONS    NULL, or zero in a field, is the default, now and in later
 *            versions. Unknown flags, reserved fields that are not zero, and
 *            modes above 0777 are -EINVAL.
 * FORK       handles made before fork() work in the child; locks that the
 *            parent holds are not held by the child. exec() drops everything,
 *            as a death would. Children of vfork() and of a bare clone() must
 *            not touch the library.
 * PID        an object belongs to the PID namespace of its creator, because
 * NAMESPACES locks name threads by their ids. A process of another one gets
 *            -EPROTO from open. A child that is forked into a new one (after
 *            unshare or setns) can use nothing that it inherited, and no other
 *            object, until it calls exec(): create, open, lock, put, get, send
 *            and the like answer -ENOSYS in it and in its children.
 * CLOSE      frees the handle in this process only. Using a handle after
 *            close, or closing it while another thread is inside a call with
 *            it, is the caller's error, as with free().
 * DEATH      a process may be killed at any instruction. What its call had
 *            committed counts, the rest did not happen, and whatever it held
 *            goes to the next in line. Each function's Crash line says which.
 *            A process that is stopped (SIGSTOP, a debugger) while it sleeps
 *            in a call holds nothing. Was a wake-up on its way to it, what it
 *            was woken for (an item, two at most; a mutex) waits for the next
 *            put, get or unlock, or for it to continue or die. A death wakes
 *            one getter and one joiner: is that one stopped, the dead one's
 *            tasks wait for the next put, get, task_done or join on the queue,
 *            or for it to continue or die. Stopped inside the few instructions
 *            of a critical section, it blocks that side until it continues.
 * SAFETY     each function's Safety line says whether it may be called from
 *            several threads and several processes at once (thread, process),
 *            from a signal handler (signal), in a child that inherited the
 *            handle (fork), and whether it is a cancellation point (cancel).
 */
#ifndef LIBIPC_BASE_H
#define LIBIPC_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#if defined(__GNUC__)
#define LIBIPC_API __attribute__((visibility("default")))
#else
#define LIBIPC_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define LIBIPC_VERSION_MAJOR 0
#define LIBIPC_VERSION_MINOR 1
#define LIBIPC_VERSION_PATCH 0

/* timeout_ms: wait until it happens */
#define LIBIPC_FOREVER (-1)

/* news from lock: you hold it, and the last holder died inside */
#define LIBIPC_OWNER_DIED 1

/* ipc_caps(): a sleeper is woken exactly when there is something for it, also
   when the process that owed the wake-up was killed; no polling */
#define LIBIPC_CAP_EXACT_WAKE 0x1

/* ipc_caps(): the same within 50 milliseconds: whoever sleeps looks by itself.
   Objects of the one kind cannot be opened where there is the other: -EPROTO */
#define LIBIPC_CAP_BOUNDED_WAKE 0x2

/**
 * ipc_version - the version of the library that is loaded
 *
 * Returns  a constant string such as "0.1.0"; compare with LIBIPC_VERSION_*.
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal yes | fork yes | cancel no
 */
LIBIPC_API const char *ipc_version(void);

/**
 * ipc_caps - what this system lets the library promise
 *
 * Exact with Linux 5.16 or later; bounded where the kernel is older, where a
 * sandbox or an emulator is in the way, and where the environment says
 * LIBIPC_BACKEND=posix. Found out once in a process, and its forks inherit it.
 *
 * Returns  LIBIPC_CAP_EXACT_WAKE or LIBIPC_CAP_BOUNDED_WAKE, or
 *          -ENOSYS  this process was forked into another PID namespace; every
 *                   create and open then answers -ENOSYS too.
 *          -ENOMEM  there was no memory to find out; every create and open
 *                   then answers so, too. Try again.
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_caps(void);

/**
 * ipc_unlink - remove the name of a mutex, queue or shared object
 * @name:       as given to create
 *
 * Whoever has the object open keeps using it; the memory goes with the last.
 *
 * Returns  0, or
 *          -ENOENT  no such name        -EACCES  not permitted
 *          -ENOMEM  no memory           -EIO     the file system failed
 *          -EINVAL, -ENAMETOOLONG  not a valid name
 * Crash    the name is gone, or still there.
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_unlink(const char *name);

#ifdef __cplusplus
}
#endif
#endif
