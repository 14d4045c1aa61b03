/* SPDX-License-Identifier: MIT */
/*
 * test_gate_list.c - a held gate is first on the thread's own list of held
 * locks, before whatever else is there, and leaves no trace on it
 */
#include "gate_util.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>

static void test_it_is_the_list_of_the_kernel(void **state)
{
	struct robust_list_head *head = NULL;
	struct ipci_self *self = ipci_self();
	size_t size;
	(void)state;

	need_exact_wakes();
	assert_int_equal(syscall(SYS_get_robust_list, 0, &head, &size), 0);
	assert_ptr_equal(self->list, &head->list.next);
	assert_ptr_equal(self->pending, &head->list_op_pending);
	assert_int_equal(self->node, -head->futex_offset);
	assert_int_equal(self->tid, gettid());
}

static void push_and_pop(struct test_gate *t)
{
	struct ipci_self *self = ipci_self();
	uintptr_t first = *self->list;

	assert_true(ipci_gate_take(self, &t->gate));
	ipci_gate_push(self, &t->gate);
	assert_int_equal(*self->list, node_of(t));
	assert_int_equal(ipci_node_get(node_of(t)), first);
	ipci_gate_announce(self, &t->gate);
	ipci_gate_pop(self);
	assert_int_equal(*self->list, first);
	ipci_gate_release(self, &t->gate);
}

static void test_alone(void **state)
{
	struct test_gate *t = new_gate();
	(void)state;

	push_and_pop(t);
	assert_true(holds_nothing());
}

static pthread_mutex_t *new_robust_mutex(void)
{
	pthread_mutex_t *m = shared_alloc(sizeof(*m));
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	assert_int_equal(pthread_mutex_init(m, &attr), 0);
	pthread_mutexattr_destroy(&attr);
	return m;
}

static void test_before_a_robust_mutex(void **state)
{
	struct test_gate *t = new_gate();
	pthread_mutex_t *m = new_robust_mutex();
	(void)state;

	assert_int_equal(pthread_mutex_lock(m), 0);
	for (int i = 0; i < 3; i++)
		push_and_pop(t);
	assert_int_equal(pthread_mutex_unlock(m), 0);
	assert_true(holds_nothing());
	pthread_mutex_destroy(m);
}

static void test_before_a_mutex_of_ours(void **state)
{
	struct test_gate *t = new_gate();
	struct ipc_mutex *m;
	(void)state;

	assert_int_equal(ipc_mutex_create(&m, NULL, NULL), 0);
	assert_int_equal(ipc_mutex_lock(m, 0), 0);
	push_and_pop(t);
	assert_int_equal(ipc_mutex_unlock(m), 0);
	push_and_pop(t);
	assert_true(holds_nothing());
	assert_int_equal(ipc_mutex_close(m), 0);
}

/* --------------------------------------------------------- whose list it is */

struct identity {
	uint64_t id;
	volatile uintptr_t *list;
};

static int tell_identity(void *arg)
{
	struct identity *me = arg;

	me->id = ipci_self()->id;
	me->list = ipci_self()->list;
	child_check(!exact_wakes() || ipci_self()->tid == (uint32_t)gettid());
	child_check(ipci_self()->held == 0);
	child_check(holds_nothing());
	return 0;
}

static void test_each_thread_has_its_own(void **state)
{
	struct identity one, two;
	(void)state;

	tell_identity(&one);
	join_thread(start_thread(tell_identity, &two));
	assert_int_not_equal(one.id, two.id);
	assert_ptr_not_equal(one.list, two.list);
}

/* the child is another one from its first call on, also while the parent
   holds something */
static void test_a_forked_child_has_its_own(void **state)
{
	struct identity *child = shared_alloc(sizeof(*child)), parent;
	struct ipc_mutex *m;
	(void)state;

	tell_identity(&parent);
	assert_int_equal(ipc_mutex_create(&m, NULL, NULL), 0);
	assert_int_equal(ipc_mutex_lock(m, 0), 0);
	expect_exit(spawn_child(tell_identity, child), 0);
	assert_int_not_equal(child->id, parent.id);
	assert_int_not_equal(child->id >> 32, parent.id >> 32);
	assert_int_equal(ipci_self()->id, parent.id);
	assert_int_equal(ipc_mutex_unlock(m), 0);
	assert_int_equal(ipc_mutex_close(m), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_it_is_the_list_of_the_kernel),
		TEST(test_alone),
		TEST(test_before_a_robust_mutex),
		TEST(test_before_a_mutex_of_ours),
		TEST(test_each_thread_has_its_own),
		TEST(test_a_forked_child_has_its_own),
	};

	return RUN_TESTS(tests);
}
