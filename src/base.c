/* SPDX-License-Identifier: MIT */
/*
 * base.c - version and capabilities
 */
#include <ipc/base.h>
#include "os.h"

#define TEXT_(x) #x
#define TEXT(x)	 TEXT_(x)

const char *ipc_version(void)
{
	return TEXT(LIBIPC_VERSION_MAJOR) "." TEXT(
		LIBIPC_VERSION_MINOR) "." TEXT(LIBIPC_VERSION_PATCH);
}

int ipc_caps(void)
{
	return ipci_os_caps();
}
