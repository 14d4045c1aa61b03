/* SPDX-License-Identifier: MIT */
/*
 * boost.cc - Boost's rings and message queue, for peer_boost.c
 *
 * The rings of Boost.Lockfree with a capacity that the compiler knows have all
 * they need inside, and indexes instead of pointers. Boost does not promise
 * them to processes; placed in memory that forked processes share, at the same
 * address in all, they work.
 */
#include <new>

#include "boost.h"
#include "peers.h"

#ifdef HAVE_LOCKFREE
#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>

namespace
{

namespace lf = boost::lockfree;

using capacity = lf::capacity<1024>;

template <size_t LEN> struct message {
	char bytes[LEN];
};

struct ring {
	virtual bool try_put(const void *item) = 0;
	virtual bool try_get(void *buf) = 0;
};

template <typename M, typename R> struct ring_of final : ring {
	R r;

	bool try_put(const void *item) override
	{
		return r.push(*static_cast<const M *>(item));
	}

	bool try_get(void *buf) override
	{
		return r.pop(*static_cast<M *>(buf));
	}
};

template <typename M> using mpmc = ring_of<M, lf::queue<M, capacity>>;
template <typename M> using spsc = ring_of<M, lf::spsc_queue<M, capacity>>;

template <typename R> ring *make_one(void *(*allocate)(size_t), size_t *bytes)
{
	*bytes = sizeof(R);
	return new (allocate(sizeof(R))) R;
}

template <template <typename> class R>
ring *make(size_t len, void *(*allocate)(size_t), size_t *bytes)
{
	switch (len) {
	case 8:
		return make_one<R<message<8>>>(allocate, bytes);
	case 64:
		return make_one<R<message<64>>>(allocate, bytes);
	case 1024:
		return make_one<R<message<1024>>>(allocate, bytes);
	default:
		return nullptr;
	}
}

} // namespace

void *boost_queue_make(size_t len, void *(*allocate)(size_t), size_t *bytes)
{
	return make<mpmc>(len, allocate, bytes);
}

void *boost_spsc_make(size_t len, void *(*allocate)(size_t), size_t *bytes)
{
	return make<spsc>(len, allocate, bytes);
}

bool boost_try_put(void *r, const void *item)
{
	return static_cast<ring *>(r)->try_put(item);
}

bool boost_try_get(void *r, void *buf)
{
	return static_cast<ring *>(r)->try_get(buf);
}
#endif

#ifdef HAVE_INTERPROCESS
#include <boost/interprocess/ipc/message_queue.hpp>

using boost::interprocess::create_only;
using boost::interprocess::message_queue;

/* the name goes at once: whoever needs it is forked from us */
void *boost_mq_open(const char *name, size_t len, size_t depth)
try {
	auto *q = new message_queue(create_only, name, depth, len);

	message_queue::remove(name);
	return q;
} catch (...) {
	return nullptr;
}

void boost_mq_close(void *q)
{
	delete static_cast<message_queue *>(q);
}

int boost_mq_put(void *q, const void *item, size_t len)
try {
	static_cast<message_queue *>(q)->send(item, len, 0);
	return 0;
} catch (...) {
	return -1;
}

int boost_mq_get(void *q, void *buf, size_t size)
try {
	message_queue::size_type got;
	unsigned int priority;

	static_cast<message_queue *>(q)->receive(buf, size, got, priority);
	return static_cast<int>(got);
} catch (...) {
	return -1;
}
#endif
