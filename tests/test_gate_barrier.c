/* SPDX-License-Identifier: MIT */
/*
 * test_gate_barrier.c - who goes to sleep fences all others off, unless it was
 * done already; and where that is refused, nobody sleeps for long
 */
#include "gate_util.h"
#include "process_util.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>

/* newer than some headers: Linux 6.3 */
#define GET_REGISTRATIONS (1 << 9)

/* whoever calls it from now on is killed by SIGSYS */
static void forbid(long call)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = code};

	child_check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	child_check(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static int await_without_barrier(void *arg)
{
	child_check(ipci_self() != NULL);
	forbid(SYS_membarrier);
	return await_it(arg);
}

static void make_ready(struct test_gate *t)
{
	struct ipci_self *self = ipci_self();

	ipci_gate_owe(self, &t->gate);
	set_ready(t, true);
	ipci_gate_notify(&t->gate);
	ipci_gate_settle(self);
}

static void test_not_fenced(void **state)
{
	const uint64_t hints[] = {0, LEFT, LEFT | FIRED};
	struct test_gate *t = new_gate();
	(void)state;

	for (int i = 0; i < 3; i++) {
		set_word(t, 0, hints[i]);
		expect_killed(spawn_child(await_without_barrier, t), SIGSYS);
		assert_int_equal(hint_bits(t), LEFT);
	}
}

/* another one did it, who sleeps still, or did not long ago */
static void test_fenced_already(void **state)
{
	const uint64_t hints[] = {FENCED, LEFT | FENCED, LEFT | FENCED | FIRED};
	struct test_gate *t = new_gate();
	(void)state;

	for (int i = 0; i < 3; i++) {
		pid_t pid;

		set_ready(t, false);
		set_word(t, 0, hints[i]);
		pid = spawn_child(await_without_barrier, t);
		wait_asleep(pid);
		assert_int_equal(hint_bits(t), LEFT | FENCED);
		make_ready(t);
		expect_exit(pid, 0);
	}
}

static void test_the_second_one_need_not(void **state)
{
	struct test_gate *t = new_gate();
	pid_t first = spawn_awaiting(t), second;
	(void)state;

	second = spawn_child(await_without_barrier, t);
	wait_asleep(second);
	t->gate.all = true;
	make_ready(t);
	expect_exit(second, 0);
	expect_exit(first, 0);
}

/* fences end, if nobody sleeps for long: the next one does it again */
static void test_again_when_it_is_over(void **state)
{
	struct test_gate *t = new_gate();
	(void)state;

	set_word(t, 0, FENCED);
	for (int i = 0; hint_of(t) == FENCED && i < 100000; i++)
		ipci_gate_notify(&t->gate);
	expect_killed(spawn_child(await_without_barrier, t), SIGSYS);
}

/* a filter that comes after the first call: what is committed is seen, soon,
   although no fence was made and nobody tells */
static int await_refused(void *arg)
{
	child_check(ipci_self() != NULL);
	deny(SYS_membarrier, EPERM);
	return await_it(arg);
}

static void test_refused_later(void **state)
{
	struct test_gate *t = new_gate();
	pid_t pid = spawn_child(await_refused, t);
	(void)state;

	wait_asleep(pid);
	assert_int_equal(hint_bits(t), LEFT);
	set_ready(t, true);
	expect_exit(pid, 0);
}

static long registered(void)
{
	return syscall(SYS_membarrier, GET_REGISTRATIONS, 0, 0);
}

static int takes_part(void *arg)
{
	(void)arg;
	child_check(registered() & MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
	return 0;
}

static int takes_part_and_its_child(void *arg)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(takes_part(arg));
	child_check(waitpid(pid, &status, 0) == pid && status == 0);
	return takes_part(arg);
}

/* also before the child makes its first call: its parent has, and shares */
static void test_children_take_part(void **state)
{
	(void)state;
	if (registered() < 0) {
		print_message("no GET_REGISTRATIONS before Linux 6.3\n");
		skip();
	}
	assert_true(ipc_caps() > 0);
	assert_true(registered() & MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
	expect_exit(spawn_child(takes_part_and_its_child, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_not_fenced),
		TEST(test_fenced_already),
		TEST(test_the_second_one_need_not),
		TEST(test_again_when_it_is_over),
		TEST(test_refused_later),
		TEST(test_children_take_part),
	};

	return RUN_EXACT_TESTS(tests);
}
