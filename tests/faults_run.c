/* SPDX-License-Identifier: MIT */
/*
 * faults_run.c - one case, once for each fault
 */
#include "faults.h"

#include <sys/wait.h>

enum {
	LIVES_BYTES = 1 << 16, /* the table of life.h; a process keeps it */
};

/* one run: of one case with one fault, in a process of its own */
struct run {
	const struct fault_case *c;
	struct faults_seen *seen;
	struct fault fault;
};

static const struct fault no_fault = {false, -1, 0, 0};

/* the others are those of faults.c */
static const char *error_name(int error)
{
	return error < 1000 ? strerror(error) : "less than all";
}

static void tell(const struct run *r, const char *what, int answer)
{
	const struct fault *f = &r->fault;

	if (f->call < 0)
		print_error("%s, undisturbed: ", r->c->name);
	else
		print_error("%s, %s %d of %s: %s: ", r->c->name,
			    faults_name(f->call), f->nth,
			    f->child ? "the child" : "the process",
			    error_name(f->error));
	print_error("%s %d\n", what, answer);
}

static void run_check(const struct run *r, bool ok, const char *what,
		      int answer)
{
	if (ok)
		return;
	tell(r, what, answer);
	_exit(CHILD_FAILED);
}

static int disturbed(void *arg)
{
	const struct run *r = arg;
	int answer;

	faults_arm(&r->fault, r->seen);
	answer = r->c->op();
	faults_disarm();
	return answer;
}

static int undisturbed(void *arg)
{
	const struct run *r = arg;

	return r->c->op();
}

static int attempt(struct run *r, int (*how)(void *))
{
	if (r->c->flags & FAULTS_FRESH)
		return join_thread(start_thread(how, r));
	return how(r);
}

static bool listed(const struct fault_case *c, int error)
{
	for (const int *e = c->errors; *e; e++) {
		if (*e == error)
			return true;
	}
	return false;
}

static bool same(struct faults_has a, struct faults_has b, bool heap)
{
	return (!heap || a.blocks == b.blocks) && a.mapped == b.mapped &&
	       a.fds == b.fds;
}

/* a thread may keep what it has allocated for the next time */
static int whole(void *arg)
{
	struct run *r = arg;
	const struct fault_case *c = r->c;
	bool heap = !(c->flags & (FAULTS_THREAD | FAULTS_KEEPS));
	struct faults_has has;
	int answer;

	if (c->setup)
		c->setup();
	has = faults_has();
	answer = attempt(r, disturbed);
	if (answer != c->good) {
		run_check(r, answer < 0 && listed(c, -answer), "answers",
			  answer);
		run_check(r, same(has, faults_has(), heap), "leaves something",
			  answer);
		if (faults_last(r->fault.call))
			_exit(0);
		answer = attempt(r, undisturbed);
		run_check(r, answer == c->good, "and then answers", answer);
	}
	if (c->after)
		c->after();
	return 0;
}

static bool same_but_lives(struct faults_has a, struct faults_has b)
{
	if (b.mapped == a.mapped + LIVES_BYTES)
		a.mapped = b.mapped;
	return same(a, b, true);
}

/* in the child */
static void run(struct run *r)
{
	struct faults_has before = faults_has();

	alarm(10 * (unsigned int)test_slow());
	if (r->c->flags & FAULTS_THREAD)
		join_thread(start_thread(whole, r));
	else
		whole(r);
	run_check(r, same_but_lives(before, faults_has()),
		  "leaves something at the end: blocks",
		  (int)(faults_has().blocks - before.blocks));
	run_check(r, waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD,
		  "leaves a child", 0);
	_exit(0);
}

/* whether it went well */
static bool run_in_child(struct run *r)
{
	int status = -1;
	pid_t pid;

	memset(r->seen, 0, sizeof(*r->seen));
	pid = fork();
	if (pid == 0)
		run(r);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		fail_msg("fork: %s", strerror(errno));
	if (WIFSIGNALED(status))
		tell(r, "killed by signal", WTERMSIG(status));
	if (status == 0 && r->fault.call >= 0 && !r->seen->fired &&
	    !(r->c->flags & FAULTS_LOOSE)) {
		tell(r, "was not called again", 0);
		return false;
	}
	return status == 0;
}

struct sum {
	int calls, runs, bad;
};

/* all the errnos of one call */
static void each_error(struct run *r, struct sum *sum)
{
	sum->calls++;
	for (const int *e = faults_errors(r->fault.call); *e; e++) {
		r->fault.error = *e;
		sum->runs++;
		sum->bad += !run_in_child(r);
	}
}

static void each_call(struct run *r, struct sum *sum,
		      const struct faults_seen *seen)
{
	for (int child = 0; child < 2; child++) {
		for (int call = 0; faults_name(call); call++) {
			for (int n = 0; n < seen->count[child][call]; n++) {
				r->fault =
					(struct fault){child != 0, call, n, 0};
				each_error(r, sum);
			}
		}
	}
}

void expect_faults(const struct fault_case *c)
{
	struct run r = {c, shared_alloc(sizeof(*r.seen)), no_fault};
	struct sum sum = {0, 0, 0};
	struct faults_seen seen;

	if (!run_in_child(&r))
		fail_msg("%s fails undisturbed", c->name);
	memcpy(&seen, r.seen, sizeof(seen));
	each_call(&r, &sum, &seen);
	print_message("%s: %d calls, %d faults, %d bad\n", c->name, sum.calls,
		      sum.runs, sum.bad);
	assert_int_equal(sum.bad, 0);
}
