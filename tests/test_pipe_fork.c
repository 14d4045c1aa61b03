/* SPDX-License-Identifier: MIT */
/*
 * test_pipe_fork.c - ends in children and grandchildren, and what each end
 * costs
 */
#include "pipe_util.h"

#include <dirent.h>

static int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int n = -1; /* that of the directory itself */

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

static void test_one_descriptor_for_each_end(void **state)
{
	int before = open_fds();
	struct ends p[10];
	(void)state;

	for (int i = 0; i < 10; i++) {
		p[i] = new_pipe(0, i % 2 ? LIBIPC_SIMPLEX : 0);
		assert_int_equal(open_fds(), before + 2 * (i + 1));
	}
	for (int i = 0; i < 10; i++) {
		close_end(p[i].end[i % 2]);
		assert_int_equal(open_fds(), before + 20 - 2 * i - 1);
		close_end(p[i].end[1 - i % 2]);
		assert_int_equal(open_fds(), before + 20 - 2 * i - 2);
	}
}

static void test_close_on_exec(void **state)
{
	bool was_open[256];
	struct ends p;
	int new = 0;
	(void)state;

	for (int fd = 0; fd < 256; fd++)
		was_open[fd] = fcntl(fd, F_GETFD) >= 0;
	p = new_pipe(0, 0);
	for (int fd = 0; fd < 256; fd++) {
		if (was_open[fd] || fcntl(fd, F_GETFD) < 0)
			continue;
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		new ++;
	}
	assert_int_equal(new, 2);
	close_both(p);
}

static int exec_something(void *arg)
{
	(void)arg;
	execlp("sleep", "sleep", "60", (char *)NULL);
	return 1;
}

/* a program that was started has no copy, so it does not keep the end open */
static void test_exec_drops_it(void **state)
{
	struct ends p = new_pipe(0, 0);
	pid_t pid = spawn_child(exec_something, NULL);
	(void)state;

	close_end(p.end[1]);
	assert_int_equal(ipc_pipe_recv(p.end[0], NULL, 0, 10000), -EPIPE);
	kill_child(pid);
	close_end(p.end[0]);
}

/* ----------------------------------------------------------- grandchildren */

static int send_it(void *arg)
{
	const struct ends *p = arg;

	child_check(ipc_pipe_close(p->end[0]) == 0);
	sleep_ms(20);
	for (unsigned int i = 0; i < 100; i++)
		child_check(send_message(p->end[1], i * 5, i, -1) == 0);
	return 0;
}

static int receive_it(void *arg)
{
	const struct ends *p = arg;

	child_check(ipc_pipe_close(p->end[1]) == 0);
	for (unsigned int i = 0; i < 100; i++)
		child_check(recv_message(p->end[0], i * 5, i, -1) ==
			    (int)i * 5);
	child_check(ipc_pipe_recv(p->end[0], NULL, 0, -1) == -EPIPE);
	return 0;
}

static int child_of_receiver(void *arg)
{
	const struct ends *p = arg;
	pid_t pid = spawn_child(receive_it, arg);

	child_check(ipc_pipe_close(p->end[0]) == 0);
	child_check(ipc_pipe_close(p->end[1]) == 0);
	expect_exit(pid, 0);
	return 0;
}

static int child_of_sender(void *arg)
{
	const struct ends *p = arg;
	pid_t pid = spawn_child(send_it, arg);

	child_check(ipc_pipe_close(p->end[0]) == 0);
	child_check(ipc_pipe_close(p->end[1]) == 0);
	expect_exit(pid, 0);
	return 0;
}

/* who made the pipe has long closed it */
static void test_between_grandchildren(void **state)
{
	struct ends p = new_pipe(200, LIBIPC_SIMPLEX);
	pid_t receiver = spawn_child(child_of_receiver, &p);
	pid_t sender = spawn_child(child_of_sender, &p);
	(void)state;

	close_both(p);
	expect_exit(sender, 0);
	expect_exit(receiver, 0);
}

/* ------------------------------------------- one end, one after another */

enum { EACH = 50 };

struct turn {
	struct ends p;
	unsigned int first;
};

static size_t length_of(unsigned int n)
{
	return n * 37 % 300;
}

static int send_some(void *arg)
{
	const struct turn *t = arg;

	for (unsigned int n = t->first; n < t->first + EACH; n++)
		child_check(send_message(t->p.end[1], length_of(n), n, -1) ==
			    0);
	return 0;
}

static int recv_some(void *arg)
{
	const struct turn *t = arg;

	for (unsigned int n = t->first; n < t->first + EACH; n++)
		child_check(recv_message(t->p.end[0], length_of(n), n, -1) ==
			    (int)length_of(n));
	return 0;
}

/* parent, child, parent, child: each knows what the one before has sent */
static void test_senders_take_turns(void **state)
{
	struct turn t = {new_pipe(1 << 16, 0), 0};
	(void)state;

	for (int lap = 0; lap < 20; lap++) {
		expect_exit(spawn_child(send_some, &t), 0);
		recv_some(&t);
		t.first += EACH;
		send_some(&t);
		recv_some(&t);
		t.first += EACH;
	}
	expect_no_message(t.p.end[0]);
	close_both(t.p);
}

static void test_receivers_take_turns(void **state)
{
	struct turn t = {new_pipe(1 << 16, 0), 0};
	(void)state;

	for (int lap = 0; lap < 20; lap++) {
		send_some(&t);
		expect_exit(spawn_child(recv_some, &t), 0);
		t.first += EACH;
		send_some(&t);
		recv_some(&t);
		t.first += EACH;
	}
	expect_no_message(t.p.end[0]);
	close_both(t.p);
}

/* a child that only looked on does not know what passed meanwhile */
static int wake_up_and_send(void *arg)
{
	raise(SIGSTOP);
	return send_some(arg);
}

static int wake_up_and_receive(void *arg)
{
	raise(SIGSTOP);
	return recv_some(arg);
}

static pid_t spawn_stopped(int (*fn)(void *), void *arg)
{
	pid_t pid = spawn_child(fn, arg);
	siginfo_t info;

	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WSTOPPED), 0);
	return pid;
}

static void test_takes_over_much_later(void **state)
{
	struct turn t = {new_pipe(1 << 14, 0), 100 * EACH};
	pid_t sender = spawn_stopped(wake_up_and_send, &t);
	pid_t receiver = spawn_stopped(wake_up_and_receive, &t);
	(void)state;

	for (t.first = 0; t.first < 100 * EACH; t.first += EACH) {
		send_some(&t);
		recv_some(&t);
	}
	kill(sender, SIGCONT);
	expect_exit(sender, 0);
	kill(receiver, SIGCONT);
	expect_exit(receiver, 0);
	expect_no_message(t.p.end[0]);
	close_both(t.p);
}

/* longer than the ring */
enum { LONG = 5000 };

static int send_long(void *arg)
{
	child_check(send_message(((struct ends *)arg)->end[1], LONG, 1, -1) ==
		    0);
	return 0;
}

static int find_nothing(void *arg)
{
	struct ipc_pipe *end = ((struct ends *)arg)->end[0];

	child_check(ipc_pipe_next(end) == -EAGAIN);
	child_check(ipc_pipe_recv(end, NULL, 0, 0) == -EAGAIN);
	return 0;
}

/* one in pieces that the parent has taken from the ring, and not yet given out:
   its child has a copy, and must not give it out, too */
static void test_a_copy_of_what_was_taken(void **state)
{
	struct ends p = new_pipe(200, 0);
	pid_t sender = spawn_child(send_long, &p);
	(void)state;

	assert_int_equal(ipc_pipe_poll(p.end[0], -1), 1);
	expect_exit(sender, 0);
	assert_int_equal(ipc_pipe_next(p.end[0]), LONG);
	expect_exit(spawn_child(find_nothing, &p), 0);
	assert_int_equal(recv_message(p.end[0], LONG, 1, 0), LONG);
	expect_no_message(p.end[0]);
	close_both(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_descriptor_for_each_end),
		TEST(test_close_on_exec),
		TEST(test_exec_drops_it),
		TEST(test_between_grandchildren),
		TEST(test_senders_take_turns),
		TEST(test_receivers_take_turns),
		TEST(test_takes_over_much_later),
		TEST(test_a_copy_of_what_was_taken),
	};

	return RUN_TESTS(tests);
}
