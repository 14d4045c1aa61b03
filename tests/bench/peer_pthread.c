/* SPDX-License-Identifier: MIT */
/*
 * peer_pthread.c - process-shared pthread mutexes, robust and not; and fork
 */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static void *open_with(int robust)
{
	pthread_mutex_t *m = share(sizeof(*m));
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&a, robust);
	pthread_mutex_init(m, &a);
	pthread_mutexattr_destroy(&a);
	return m;
}

static void *robust_open(void)
{
	return open_with(PTHREAD_MUTEX_ROBUST);
}

static void *plain_open(void)
{
	return open_with(PTHREAD_MUTEX_STALLED);
}

static void mutex_close(void *l)
{
	give_back(l, sizeof(pthread_mutex_t));
}

static int mutex_lock(void *l)
{
	return pthread_mutex_lock(l);
}

static int mutex_unlock(void *l)
{
	return pthread_mutex_unlock(l);
}

const struct lock robust_mutex = {
	.name = "pthread mutex, shared, robust",
	.open = robust_open,
	.close = mutex_close,
	.lock = mutex_lock,
	.unlock = mutex_unlock,
};

const struct lock pthread_mutex = {
	.name = "pthread mutex, shared",
	.open = plain_open,
	.close = mutex_close,
	.lock = mutex_lock,
	.unlock = mutex_unlock,
};

static int fork_and_wait(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

const struct starter plain_fork = {
	.name = "fork + waitpid",
	.start_and_join = fork_and_wait,
};
