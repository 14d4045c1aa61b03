/* SPDX-License-Identifier: MIT */
/*
 * os_linux.h - numbers of Linux that are newer than the headers of some libcs
 */
#ifndef IPCI_OS_LINUX_H
#define IPCI_OS_LINUX_H

#include <sys/syscall.h>

/* the same on all machines but one */
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

#endif
