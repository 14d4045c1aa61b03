/* SPDX-License-Identifier: MIT */
/*
 * test_named_full.c - no room in /dev/shm is an error of create, and never a
 * fault later; a /dev/shm that cannot be written is another
 *
 * Each test runs in a child that sees a /dev/shm of its own, which takes the
 * right to mount.
 */
#include "mount_util.h"
#include "named_util.h"

#include <sys/statfs.h>
#include <sys/wait.h>

static unsigned long free_blocks(void)
{
	struct statfs fs;

	child_check(statfs("/dev/shm", &fs) == 0);
	return fs.f_bfree;
}

/* ------------------------------------------------------------------ too big */

static int make_too_big(void *arg)
{
	unsigned long before;

	(void)arg;
	if (!mount_shm(0, "size=1m,mode=1777"))
		return NO_MOUNT;
	before = free_blocks();
	for (int i = SHARED; i <= QUEUE; i++) {
		const struct kind *k = &kinds[i];
		child_check(try_create(k, "/big", 0, 10 << 20) == -ENOSPC);
		child_check(try_create(k, "/big", 0, 1 << 20) == -ENOSPC);
		child_check(try_open(k, "/big") == -ENOENT);
		child_check(ipc_unlink("/big") == -ENOENT);
		child_check(free_blocks() == before);
		child_check(try_create(k, "/small", 0, 100 << 10) == 0);
		child_check(try_open(k, "/small") == 0);
		child_check(ipc_unlink("/small") == 0);
		child_check(free_blocks() == before);
	}
	return 0;
}

static void test_too_big(void **state)
{
	(void)state;
	run_with_own_shm(make_too_big);
}

/* ----------------------------------------------------------------- fills up */

static void fill(const struct kind *k, int *count)
{
	char name[64];
	int r;

	for (*count = 0; *count < 10000; ++*count) {
		snprintf(name, sizeof(name), "/%d", *count);
		r = try_create(k, name, 0, 0);
		if (r == -ENOSPC)
			return;
		child_check(r == 0);
	}
	child_failed(__FILE__, __LINE__, "it fills up");
}

/* all that were made work, to the last byte */
static void use_all(const struct kind *k, int count)
{
	char name[64];
	void *o;

	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "/%d", i);
		o = SENTINEL;
		child_check(k->open(&o, name) == 0);
		child_check(k->use(o, o) == 0);
		child_check(k->close(o) == 0);
	}
}

static int fill_up(void *arg)
{
	char name[64];
	int count, again;

	(void)arg;
	if (!mount_shm(0, "size=256k,mode=1777"))
		return NO_MOUNT;
	for (int i = 0; i < KINDS; i++) {
		fill(&kinds[i], &count);
		child_check(count > 5);
		use_all(&kinds[i], count);
		child_check(ipc_unlink("/3") == 0);
		child_check(try_create(&kinds[i], "/3", 0, 0) == 0);
		use_all(&kinds[i], count);
		for (int n = 0; n < count; n++) {
			snprintf(name, sizeof(name), "/%d", n);
			child_check(ipc_unlink(name) == 0);
		}
		again = count;
		fill(&kinds[i], &count);
		child_check(count == again);
		for (int n = 0; n < count; n++) {
			snprintf(name, sizeof(name), "/%d", n);
			child_check(ipc_unlink(name) == 0);
		}
	}
	return 0;
}

static void test_fills_up(void **state)
{
	(void)state;
	run_with_own_shm(fill_up);
}

/* the room is taken at once: what comes later cannot take it away */
static int write_every_byte(void *arg)
{
	struct ipc_shared *s;
	unsigned char *bytes;
	size_t size = 200 << 10;
	int count;

	(void)arg;
	if (!mount_shm(0, "size=256k,mode=1777"))
		return NO_MOUNT;
	child_check(ipc_shared_create(&s, "/s", size, NULL) == 0);
	fill(&kinds[MUTEX], &count);
	child_check(free_blocks() == 0);
	bytes = ipc_shared_data(s);
	memset(bytes, 0xff, size);
	for (size_t i = 0; i < size; i++)
		child_check(bytes[i] == 0xff);
	child_check(ipc_shared_lock(s, 0) == 0);
	child_check(ipc_shared_unlock(s) == 0);
	child_check(ipc_shared_close(s) == 0);
	return 0;
}

static void test_room_is_taken_at_once(void **state)
{
	(void)state;
	run_with_own_shm(write_every_byte);
}

/* anonymous objects have nothing to do with it */
static int make_anonymous(void *arg)
{
	(void)arg;
	if (!mount_shm(0, "size=4k,mode=1777"))
		return NO_MOUNT;
	for (int i = 0; i < KINDS; i++) {
		child_check(try_create(&kinds[i], NULL, 0, 1 << 20) == 0);
		child_check(try_create(&kinds[i], "/x", 0, 1 << 20) ==
			    (i == MUTEX ? 0 : -ENOSPC));
		child_check(ipc_unlink("/x") == (i == MUTEX ? 0 : -ENOENT));
	}
	return 0;
}

static void test_anonymous_objects(void **state)
{
	(void)state;
	run_with_own_shm(make_anonymous);
}

/* -------------------------------------------------------- not to be written */

static int make_in_vain(void *arg)
{
	(void)arg;
	if (!mount_shm(0, "size=1m,mode=0755"))
		return NO_MOUNT;
	if (geteuid() != 0 || setuid(65534) != 0)
		return NO_MOUNT;
	for (int i = 0; i < KINDS; i++)
		child_check(try_create(&kinds[i], "/x", 0, 0) == -EACCES);
	child_check(ipc_unlink("/x") == -ENOENT);
	return 0;
}

static void test_not_permitted(void **state)
{
	(void)state;
	run_with_own_shm(make_in_vain);
}

static int make_read_only(void *arg)
{
	(void)arg;
	if (!mount_shm(0, "size=1m,mode=1777"))
		return NO_MOUNT;
	child_check(try_create(&kinds[MUTEX], "/there", 0, 0) == 0);
	if (mount("tmpfs", "/dev/shm", "tmpfs", MS_REMOUNT | MS_RDONLY, NULL))
		return NO_MOUNT;
	for (int i = 0; i < KINDS; i++) {
		child_check(try_create(&kinds[i], "/x", 0, 0) == -EACCES);
		child_check(try_open(&kinds[i], "/x") == -ENOENT);
		child_check(try_create(&kinds[i], NULL, 0, 0) == 0);
	}
	child_check(try_open(&kinds[MUTEX], "/there") == -EACCES);
	child_check(ipc_unlink("/there") == -EACCES);
	return 0;
}

static void test_read_only(void **state)
{
	(void)state;
	run_with_own_shm(make_read_only);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_too_big),
		TEST(test_fills_up),
		TEST(test_room_is_taken_at_once),
		TEST(test_anonymous_objects),
		TEST(test_not_permitted),
		TEST(test_read_only),
	};

	return RUN_TESTS(tests);
}
