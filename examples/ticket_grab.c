/* SPDX-License-Identifier: MIT */
/*
 * ticket_grab - fifty people, three tickets: why one needs a lock
 *
 *	ticket_grab                      three tickets in a file of its own
 *	ticket_grab --file tickets.json  a file of yours, e.g. {"count": 3}
 *	ticket_grab --no-lock            see what goes wrong without the lock
 *	ticket_grab --people 5           instead of 50
 *	ticket_grab --seed 1             the same thinking times again
 *
 * Every person is a process. First they all look how many tickets there are,
 * which needs no lock. Then each tries to buy: read the count, think for a
 * moment, write back one less. That is right only if nobody else does the same
 * in between, so it is done with a lock held. Without it, several read the
 * same count, and all believe that they have got a ticket.
 */
#include <libipc.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "ticket_file.h"

#define PEOPLE_MAX 1000
#define USAGE	   "[--file F] [--people N] [--seed S] [--no-lock]"

/* exit codes of a person; others mean that something failed */
enum { BOUGHT = 0, SOLD_OUT = 3 };

struct office {
	const char *file;
	long people;
	unsigned long seed;
	bool lock;
	bool failed;
	long person; /* who this process is, from 1 */
	struct ipc_mutex *door;
	struct ipc_pipe *looking[2];
};

static char own_dir[4096];
static char own_file[sizeof(own_dir) + 16];

static void must(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "ticket_grab: %s: %s\n", what, strerror(-r));
		exit(1);
	}
}

static void must_file(int r, const char *file, int exit_code)
{
	if (r < 0) {
		fprintf(stderr, "ticket_grab: %s: %s\n", file,
			ticket_file_error());
		exit(exit_code);
	}
}

/* how long to think, 5 to 15 ms; the same for the same seed and person */
static long thinking_time(const struct office *o)
{
	uint64_t x = o->seed + (unsigned long)o->person;

	x *= UINT64_C(0x9e3779b97f4a7c15); /* scatter what is close together */
	return 5 + (long)((x >> 32) % 11);
}

static bool buy(const struct office *o)
{
	long count, ms = thinking_time(o);
	struct timespec pause = {.tv_nsec = ms * 1000000};

	must_file(ticket_file_read(o->file, &count), o->file, 1);
	if (count == 0) {
		printf("person %ld: sold out\n", o->person);
		return false;
	}
	nanosleep(&pause, NULL);
	count--;
	must_file(ticket_file_write(o->file, count), o->file, 1);
	printf("person %ld thinks for %ld ms and buys a ticket, %ld left\n",
	       o->person, ms, count);
	return true;
}

static int person(void *arg)
{
	struct office *o = arg;
	long count;

	must_file(ticket_file_read(o->file, &count), o->file, 1);
	printf("person %ld sees %ld tickets\n", o->person, count);
	must(ipc_pipe_close(o->looking[1]), "done looking");

	/* The door opens when all have looked. Should a holder die, the next
	   one gets the lock and is told (LIBIPC_OWNER_DIED): nothing to repair
	   here, as the file is always replaced in one step. */
	must(ipc_mutex_lock(o->door, LIBIPC_FOREVER), "lock");
	if (!o->lock)
		must(ipc_mutex_unlock(o->door), "unlock"); /* all at once */
	bool bought = buy(o);
	if (o->lock)
		must(ipc_mutex_unlock(o->door), "unlock");
	return bought ? BOUGHT : SOLD_OUT;
}

/* Daemons, so that nobody is left at the door if we cannot start them all. */
static void start_people(struct office *o, struct ipc_process **people)
{
	struct ipc_process_opts opts = {.flags = LIBIPC_DAEMON};

	for (long i = 0; i < o->people; i++) {
		o->person = i + 1; /* start forks: each child has its own o */
		must(ipc_process_create(&people[i], person, o, &opts),
		     "create a person");
		must(ipc_process_start(people[i]), "start a person");
	}
}

/* The pipe carries nothing. It ends when nobody has its sending end open any
   more: each person has closed it after looking, or is dead. */
static void wait_until_all_looked(struct office *o)
{
	must(ipc_pipe_close(o->looking[1]), "close our own copy");
	int r = ipc_pipe_recv(o->looking[0], NULL, 0, LIBIPC_FOREVER);
	must(r == -EPIPE ? 0 : r, "wait for the end of the pipe");
	must(ipc_pipe_close(o->looking[0]), "close the pipe");
}

static int finish(struct ipc_process *p)
{
	int code;

	must(ipc_process_join(p, LIBIPC_FOREVER), "join a person");
	must(ipc_process_exit_code(p, &code), "exit code of a person");
	must(ipc_process_close(p), "close a person");
	return code;
}

/* One who fails, or is killed, does not keep the others from buying. */
static long count_sold(struct office *o, struct ipc_process **people)
{
	long sold = 0;

	for (long i = 0; i < o->people; i++) {
		int code = finish(people[i]);
		sold += code == BOUGHT;
		if (code == BOUGHT || code == SOLD_OUT)
			continue;
		fprintf(stderr, "ticket_grab: person %ld failed: %d\n", i + 1,
			code);
		o->failed = true;
	}
	return sold;
}

static long sell(struct office *o)
{
	static struct ipc_process *people[PEOPLE_MAX];

	must(ipc_mutex_create(&o->door, NULL, NULL), "create the mutex");
	must(ipc_pipe_create(o->looking, NULL), "create the pipe");
	must(ipc_mutex_lock(o->door, LIBIPC_FOREVER), "lock the door");
	start_people(o, people);
	wait_until_all_looked(o);
	must(ipc_mutex_unlock(o->door), "open the door");
	long sold = count_sold(o, people);
	must(ipc_mutex_close(o->door), "close the mutex");
	return sold;
}

static void remove_own_file(void)
{
	unlink(own_file);
	rmdir(own_dir);
}

static const char *make_own_file(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(own_dir, sizeof(own_dir), "%s/ticket_grab.XXXXXX",
		 tmp && *tmp ? tmp : "/tmp");
	must(mkdtemp(own_dir) ? 0 : -errno, own_dir);
	snprintf(own_file, sizeof(own_file), "%s/tickets.json", own_dir);
	FILE *f = fopen(own_file, "w");
	must(f ? 0 : -errno, own_file);
	must(fputs("{\"count\": 3}\n", f) >= 0 ? 0 : -errno, own_file);
	must(fclose(f) == 0 ? 0 : -errno, own_file);
	return own_file;
}

static struct office options(int argc, char **argv)
{
	struct office o = {.people = 50, .lock = true};

	o.seed = (unsigned long)time(NULL);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--file") == 0)
			o.file = arg_value(argv, &i);
		else if (strcmp(argv[i], "--people") == 0)
			o.people = arg_number(argv, &i, 1, PEOPLE_MAX);
		else if (strcmp(argv[i], "--seed") == 0)
			o.seed = (unsigned long)arg_number(argv, &i, 0,
							   INT32_MAX);
		else if (strcmp(argv[i], "--no-lock") == 0)
			o.lock = false;
		else
			arg_unknown(argv, i, USAGE);
	}
	return o;
}

int main(int argc, char **argv)
{
	struct office o = options(argc, argv);
	long tickets, left;

	setvbuf(stdout, NULL, _IOLBF, 0); /* a line at a time, never a piece */
	signal(SIGPIPE, SIG_IGN);	  /* sell on, even if nobody reads */
	if (!o.file)
		o.file = make_own_file();
	must_file(ticket_file_read(o.file, &tickets), o.file, 2);
	long sold = sell(&o);
	must_file(ticket_file_read(o.file, &left), o.file, 1);
	if (o.file == own_file)
		remove_own_file();
	printf("tickets: %ld, people: %ld, sold: %ld, left: %ld\n", tickets,
	       o.people, sold, left);
	must(ferror(stdout) ? -EIO : 0, "standard output");
	if (o.lock && sold + left != tickets)
		fprintf(stderr, "ticket_grab: the sums do not match\n");
	return o.failed || (o.lock && sold + left != tickets);
}
