/* SPDX-License-Identifier: MIT */
/*
 * test_process_faults.c - create, start, join, stop, ... of a process, with
 * each call failing once
 */
#include "faults.h"
#include "process_util.h"

static struct ipc_process *p;
static _Atomic pid_t *told;
static uint32_t flags;
static int code;

/* it does not outlive the process of this run, however that ends */
static int child(void *arg)
{
	faults_disarm();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return tell_and_wait(arg);
}

static int create(void)
{
	const struct ipc_process_opts opts = {.flags = flags};
	int r = ipc_process_create(&p, child, (void *)told, &opts);

	*told = 0;
	child_check((r == 0) == (p != NULL));
	return r;
}

static void make(void)
{
	child_check(create() == 0);
}

/*
 * When waitid says that there is no such child, the library believes it: then
 * the child has ended for it, and is the test's to end and to wait for.
 */
static bool was_lost(void)
{
	return fault_is("waitid", ECHILD);
}

/* and when waitpid did, it has ended, but is still there */
static void take_lost(pid_t pid)
{
	if (!was_lost() && !fault_is("waitpid", ECHILD))
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void end(void)
{
	child_check(ipc_process_stop(p, 5000) == 0);
	take_lost(ipc_process_pid(p));
	child_check(ipc_process_close(p) == 0);
}

static void close_new(void)
{
	child_check(ipc_process_close(p) == 0);
}

/* -------------------------------------------------------------------- start */

static int start(void)
{
	return ipc_process_start(p);
}

static bool runs(void)
{
	return eventually(*told != 0, 5000) && *told == ipc_process_pid(p);
}

static void it_runs(void)
{
	child_check(runs());
	child_check(ipc_process_is_alive(p) == 1);
	child_check(ipc_process_join(p, 0) == -EAGAIN);
	child_check(ipc_process_start(p) == -EALREADY);
	end();
}

static void make_group(void)
{
	flags = LIBIPC_GROUP;
	make();
}

/* parent and child both see to the group: one of them is enough */
static void it_leads_a_group(void)
{
	child_check(runs());
	child_check(getpgid(*told) == *told);
	end();
}

/* another child that has ended: start reaps it */
static struct ipc_process *finished_one;

static void make_after_another(void)
{
	child_check(ipc_process_create(&finished_one, return_at_once, NULL,
				       NULL) == 0);
	child_check(ipc_process_start(finished_one) == 0);
	while (!has_zombie())
		sleep_ms(0.2);
	make();
}

static void both_end(void)
{
	take_lost(ipc_process_pid(finished_one));
	child_check(ipc_process_close(finished_one) == 0);
	child_check(runs());
	child_check(ipc_process_stop(p, 5000) == 0);
	child_check(ipc_process_close(p) == 0);
}

/* ------------------------------------------------------------- once it runs */

static void make_running(void)
{
	make();
	child_check(start() == 0 && runs());
}

static void make_group_running(void)
{
	flags = LIBIPC_GROUP;
	make_running();
}

static void make_ended(void)
{
	make_running();
	kill(*told, SIGTERM);
	while (!has_zombie())
		sleep_ms(0.2);
}

/* the library was told that there is nobody to be signalled */
static bool was_missed(void)
{
	return fault_is("pidfd_send_signal", ESRCH) || fault_is("kill", ESRCH);
}

/* it ended, and how is known, unless its end was lost */
static void it_ended_with(int expected)
{
	if (was_missed())
		kill(*told, -expected);
	child_check(ipc_process_join(p, 5000) == 0);
	child_check(ipc_process_is_alive(p) == 0);
	if (was_lost()) {
		child_check(ipc_process_exit_code(p, &code) == -ECHILD);
	} else {
		child_check(ipc_process_exit_code(p, &code) == 0);
		child_check(code == expected ||
			    (was_missed() && code == -SIGKILL));
	}
	take_lost(ipc_process_pid(p));
	child_check(ipc_process_close(p) == 0);
}

static void it_was_terminated(void)
{
	it_ended_with(-SIGTERM);
}

static void it_was_killed(void)
{
	it_ended_with(-SIGKILL);
}

static int join(void)
{
	return ipc_process_join(p, 5000);
}

static int join_in_vain(void)
{
	int r = ipc_process_join(p, 5);

	return was_lost() && r == 0 ? -ETIMEDOUT : r;
}

static int terminate(void)
{
	return ipc_process_terminate(p);
}

static int kill_it(void)
{
	return ipc_process_kill(p);
}

/* if SIGTERM went amiss, SIGKILL does it */
static int stop(void)
{
	return ipc_process_stop(p, 500);
}

static int is_alive(void)
{
	int r = ipc_process_is_alive(p);

	return was_lost() && r == 0 ? 1 : r;
}

static int exit_code(void)
{
	int r = ipc_process_exit_code(p, &code);

	return was_lost() && r == -ECHILD ? 0 : r;
}

static int active(void)
{
	struct ipc_process *list[2];
	int r = ipc_process_active(list, 2);

	return was_lost() && r == 0 ? 1 : r;
}

static int close_running(void)
{
	int r = ipc_process_close(p);

	if (r == 0)
		child_check(was_lost());
	return was_lost() ? -EBUSY : r;
}

static void end_unless_closed(void)
{
	if (was_lost())
		take_lost(*told);
	else
		end();
}

static int close_ended(void)
{
	return ipc_process_close(p);
}

static void nothing_left(void)
{
	take_lost(*told);
}

static const struct fault_case cases[] = {
	{"create", NULL, create, close_new, 0, {ENOMEM}, 0},
	{"start", make, start, it_runs, 0, {EAGAIN, ENOMEM, EMFILE, ENFILE}, 0},
	{"start, group",
	 make_group,
	 start,
	 it_leads_a_group,
	 0,
	 {EAGAIN, ENOMEM, EMFILE, ENFILE},
	 0},
	{"start, another has ended",
	 make_after_another,
	 start,
	 both_end,
	 0,
	 {EAGAIN, ENOMEM, EMFILE, ENFILE},
	 0},
	{"join", make_ended, join, it_was_terminated, 0, {0}, 0},
	{"join, it runs",
	 make_running,
	 join_in_vain,
	 end,
	 -ETIMEDOUT,
	 {0},
	 FAULTS_LOOSE},
	{"terminate",
	 make_running,
	 terminate,
	 it_was_terminated,
	 0,
	 {EPERM},
	 0},
	{"terminate, group",
	 make_group_running,
	 terminate,
	 it_was_terminated,
	 0,
	 {EPERM},
	 0},
	{"kill", make_running, kill_it, it_was_killed, 0, {EPERM}, 0},
	{"kill, group",
	 make_group_running,
	 kill_it,
	 it_was_killed,
	 0,
	 {EPERM},
	 0},
	{"stop",
	 make_running,
	 stop,
	 it_was_terminated,
	 0,
	 {EPERM},
	 FAULTS_LOOSE},
	{"stop, group",
	 make_group_running,
	 stop,
	 it_was_terminated,
	 0,
	 {EPERM},
	 FAULTS_LOOSE},
	{"is_alive", make_running, is_alive, end, 1, {0}, 0},
	{"exit_code", make_ended, exit_code, it_was_terminated, 0, {0}, 0},
	{"active", make_running, active, end, 1, {0}, 0},
	{"close, it runs",
	 make_running,
	 close_running,
	 end_unless_closed,
	 -EBUSY,
	 {0},
	 0},
	{"close, it has ended",
	 make_ended,
	 close_ended,
	 nothing_left,
	 0,
	 {0},
	 0},
};

static void test_life(void **state)
{
	(void)state;
	told = shared_alloc(sizeof(*told));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_faults(&cases[i]);
}

/* ------------------------------------------------------------------ daemons */

static bool by_thread, by_exit;

static int start_daemon(void *arg)
{
	const struct ipc_process_opts opts = {.flags = LIBIPC_DAEMON};
	struct ipc_process *d;
	int r;

	(void)arg;
	faults_rearm();
	r = ipc_process_create(&d, tell_and_wait, (void *)told, &opts);
	if (r == 0)
		r = ipc_process_start(d);
	faults_disarm();
	return r;
}

/* its end is the end of the parent: SIGKILL, or exit */
static _Noreturn void parent(void)
{
	int r;

	faults_disarm();
	r = by_thread ? join_thread(start_thread(start_daemon, NULL))
		      : start_daemon(NULL);

	if (r < 0)
		_exit(-r);
	if (!eventually(*told != 0, 5000))
		_exit(CHILD_FAILED);
	faults_rearm();
	if (by_exit)
		exit(0);
	for (;;)
		kill(getpid(), SIGKILL);
}

static int start_and_die(void)
{
	int status;
	pid_t pid;

	*told = 0;
	pid = fault_fork();
	if (pid == 0)
		parent();
	faults_disarm();
	child_check(waitpid(pid, &status, 0) == pid);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		return -WEXITSTATUS(status);
	child_check(by_exit ? WIFEXITED(status) : WIFSIGNALED(status));
	return eventually(gone(*told), 5000) ? 0 : -ETIME;
}

static const struct fault_case deaths[] = {
	{"daemon, its parent is killed",
	 NULL,
	 start_and_die,
	 NULL,
	 0,
	 {EAGAIN, ENOMEM, EMFILE, ENFILE},
	 FAULTS_LOOSE},
	{"daemon of a thread, its parent is killed",
	 NULL,
	 start_and_die,
	 NULL,
	 0,
	 {EAGAIN, ENOMEM, EMFILE, ENFILE},
	 FAULTS_LOOSE},
	{"daemon, its parent exits",
	 NULL,
	 start_and_die,
	 NULL,
	 0,
	 {EAGAIN, ENOMEM, EMFILE, ENFILE},
	 FAULTS_LOOSE},
};

static void test_daemons(void **state)
{
	(void)state;
	told = shared_alloc(sizeof(*told));
	for (size_t i = 0; i < sizeof(deaths) / sizeof(*deaths); i++) {
		by_thread = i == 1;
		by_exit = i == 2;
		expect_faults(&deaths[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_life, 60),
		TEST_LIMIT(test_daemons, 60),
	};

	return RUN_EXACT_TESTS(tests);
}
