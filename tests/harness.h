/* SPDX-License-Identifier: MIT */
/*
 * harness.h - what every test includes, and the only thing it needs
 *
 *	static int child(void *arg)
 *	{
 *		child_check(ipc_mutex_lock(arg, 0) == -EAGAIN);
 *		return 0;
 *	}
 *
 *	static void test_lock_excludes(void **state)
 *	{
 *		...
 *		pid_t pid = spawn_child(child, m);
 *		expect_exit(pid, 0);
 *	}
 *
 *	int main(void)
 *	{
 *		const struct CMUnitTest tests[] = {
 *			TEST(test_lock_excludes),
 *		};
 *		return RUN_TESTS(tests);
 *	}
 *
 * Every test has a time limit of its own, and fails when it leaves behind a
 * file descriptor, a child, a thread or an entry of /dev/shm.
 *
 * A failing cmocka assert jumps into the runner. In a forked child that is the
 * child's copy of the runner, and the parent would report a pass; in a thread
 * it is another thread's stack. So children and threads use child_check().
 *
 * TEST_SLOW=n in the environment multiplies every limit by n.
 */
#ifndef LIBIPC_TESTS_HARNESS_H
#define LIBIPC_TESTS_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <libipc.h>

/* ------------------------------------------------------------ test programs */

struct harness_test {
	const char *name;
	int limit_s;
};

int harness_begin(void **state);
int harness_end(void **state);
void harness_start(void);

/* entries of the array of tests, which must not be static inside a function */
#define TEST(fn) TEST_LIMIT(fn, 20)
#define TEST_LIMIT(fn, seconds)                                                \
	cmocka_unit_test_prestate_setup_teardown(                              \
		fn, harness_begin, harness_end,                                \
		(&(struct harness_test){#fn, seconds}))

#define RUN_TESTS(tests)                                                       \
	(harness_start(), cmocka_run_group_tests(tests, NULL, NULL) != 0)

/* ----------------------------------------------------- which promises hold */

/* no polling and no wake-up too many is what only the exact back end promises,
   and its gate word is not that of the other one: such tests say that they are
   skipped where there is the bounded one */
bool exact_wakes(void);
void need_exact_wakes(void);

#define RUN_EXACT_TESTS(tests)                                                 \
	(exact_wakes() ? RUN_TESTS(tests) : harness_skip_all())
int harness_skip_all(void);

/* by an emulator, which is a program with memory and limits of its own, and not
   all calls */
bool emulated(void);
void need_native(const char *why);

/* memory and addresses are a sanitizer's then, and cannot run out */
static inline bool under_sanitizer(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
	return true;
#else
	return false;
#endif
#else
	return false;
#endif
}

/* --------------------------------------------------------------------- time */

/* milliseconds of CLOCK_MONOTONIC */
double now_ms(void);
void sleep_ms(double ms);

/* the factor TEST_SLOW, 1 if it is not set; for upper limits of your own */
int test_slow(void);

/* whether @expr becomes true within @ms, looking every millisecond */
#define eventually(expr, ms)                                                   \
	__extension__({                                                        \
		double until_ = now_ms() + (double)(ms)*test_slow();           \
		bool true_ = (expr);                                           \
		while (!true_ && now_ms() < until_) {                          \
			sleep_ms(1);                                           \
			true_ = (expr);                                        \
		}                                                              \
		true_;                                                         \
	})

/* the letter of /proc/ID/stat, 'X' if there is no such process or thread */
char harness_state(pid_t id);

/* until the process or the thread sleeps in the kernel; fails after 5 s */
#define wait_asleep(pid)     harness_asleep(pid, __FILE__, __LINE__)
#define wait_asleep_tid(tid) harness_asleep(tid, __FILE__, __LINE__)
void harness_asleep(pid_t id, const char *file, int line);

/* ----------------------------------------------------------------- children */

/*
 * Runs fn(arg) in a child that ends with _exit(its value). The child is killed
 * when the thread that forked it ends, so nothing outlives a test program.
 */
pid_t spawn_child(int (*fn)(void *), void *arg);

/* reaps the child, which must end like that within 10 s */
#define expect_exit(pid, code)	harness_exit(pid, code, __FILE__, __LINE__)
#define expect_killed(pid, sig) harness_killed(pid, sig, __FILE__, __LINE__)
void harness_exit(pid_t pid, int code, const char *file, int line);
void harness_killed(pid_t pid, int sig, const char *file, int line);

/* SIGKILL, and reap; fails if the child had failed before */
#define kill_child(pid) harness_kill(pid, __FILE__, __LINE__)
void harness_kill(pid_t pid, const char *file, int line);

/* the assert of children and threads: tells where, and _exit(70) */
#define CHILD_FAILED 70
#define child_check(expr)                                                      \
	((expr) ? (void)0 : child_failed(__FILE__, __LINE__, #expr))
_Noreturn void child_failed(const char *file, int line, const char *what);

/* becomes this program anew, with these arguments, two at most; the emulator,
   where it is one, is started with it */
_Noreturn void exec_self(const char *first, const char *second);

/* ------------------------------------------------------------------ threads */

struct test_thread;

/* the same functions can run as children and as threads; join gives the value
   of fn and frees the thread */
struct test_thread *start_thread(int (*fn)(void *), void *arg);
pid_t thread_tid(struct test_thread *thread);
int join_thread(struct test_thread *thread);

/* ------------------------------------------------------ names, shared bytes */

/*
 * A name for a shared object that nobody else uses, into @buf, which is
 * returned. A test that leaves the object behind fails, and the harness
 * removes it; after expect_left() it only removes it.
 */
char *unique_name(char buf[64], const char *tag);
void expect_left(const char *name);

/* zeroed bytes shared with children, gone after the test */
void *shared_alloc(size_t size);

#endif
