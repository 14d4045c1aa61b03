/* SPDX-License-Identifier: MIT */
/*
 * ticket_file.h - the count of tickets in a JSON file, e.g. {"count": 3}
 *
 * The file may hold whatever else it likes beside "count": it stays as it is,
 * byte for byte. A file that is not strictly JSON, or whose count is not a
 * whole number from 0 to TICKET_MAX, is refused and left alone.
 *
 * There is no lock in here: that is what the program ticket_grab is about.
 */
#ifndef EXAMPLES_TICKET_FILE_H
#define EXAMPLES_TICKET_FILE_H

#define TICKET_MAX 1000000

/* 0, or -1 and ticket_file_error() says why */
int ticket_file_read(const char *path, long *count);

/* The same. The file is replaced in one step: whoever reads it, and whoever
   comes after a kill at any moment, finds the old one or the new one. */
int ticket_file_write(const char *path, long count);

/* what was wrong, in words */
const char *ticket_file_error(void);

#endif
