/* SPDX-License-Identifier: GPL-2.0 */
/* Custom allocators that come and go at random, and what they must not be asked. */
#ifndef IOASID_TESTS_PLUGGER_H
#define IOASID_TESTS_PLUGGER_H

#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/ioasid.h>
#include <linux/mutex.h>
#include <linux/random.h>

#include "random.h"

#define PLUGGER_IDS 255U

struct plugger;

/* A number space. Knows nothing of what it named before its last member left. */
struct source {
	struct plugger *plugger;
	struct mutex lock; /* named */
	DECLARE_BITMAP(named, PLUGGER_IDS + 1);
	atomic_t allocs;
	atomic_t frees;
};

/* A registration. */
struct member {
	struct ioasid_allocator_ops ops;
	struct source *source;
	bool registered;
};

struct plugger {
	void (*fault)(void *data, const char *what, ioasid_t id);
	void *data;
	struct source sources[2];
	/* The first two share a source. */
	struct member members[3];
	struct rnd_state rnd;
	unsigned int changes;
};

static inline void source_fault(struct source *source, const char *what, ioasid_t id)
{
	source->plugger->fault(source->plugger->data, what, id);
}

static inline void enter(struct member *member, ioasid_t id)
{
	if (!READ_ONCE(member->registered))
		source_fault(member->source, "callback of an unregistered allocator", id);
	usleep_range(10, 10 + get_random_u32_below(200));
	mutex_lock(&member->source->lock);
}

static inline ioasid_t source_alloc(ioasid_t min, ioasid_t max, void *data)
{
	struct member *member = data;
	ioasid_t id;

	enter(member, min);
	atomic_inc(&member->source->allocs);
	id = find_next_zero_bit(member->source->named, PLUGGER_IDS + 1, min);
	if (id <= max)
		__set_bit(id, member->source->named);
	else
		id = INVALID_IOASID;
	mutex_unlock(&member->source->lock);
	return id;
}

static inline void source_free(ioasid_t id, void *data)
{
	struct member *member = data;

	enter(member, id);
	atomic_inc(&member->source->frees);
	if (!__test_and_clear_bit(id, member->source->named))
		source_fault(member->source, "number back that was not named", id);
	mutex_unlock(&member->source->lock);
}

/* Of another space: callbacks of their own. */
static inline ioasid_t other_alloc(ioasid_t min, ioasid_t max, void *data)
{
	return source_alloc(min, max, data);
}

static inline void other_free(ioasid_t id, void *data)
{
	source_free(id, data);
}

static inline unsigned int registered(struct plugger *plugger, struct source *source)
{
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(plugger->members); i++) {
		struct member *member = &plugger->members[i];

		n += member->registered && (!source || member->source == source);
	}
	return n;
}

static inline int plug(struct member *member)
{
	int err;

	WRITE_ONCE(member->registered, true);
	err = ioasid_register_allocator(&member->ops);
	if (err)
		WRITE_ONCE(member->registered, false);
	return err;
}

static inline void unplug(struct plugger *plugger, struct member *member)
{
	ioasid_unregister_allocator(&member->ops);
	WRITE_ONCE(member->registered, false);
	if (!registered(plugger, member->source))
		bitmap_zero(member->source->named, PLUGGER_IDS + 1);
}

static inline void unplug_all(void *data)
{
	struct plugger *plugger = data;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(plugger->members); i++) {
		if (plugger->members[i].registered)
			unplug(plugger, &plugger->members[i]);
	}
}

static inline void plugger_init(struct plugger *plugger, u32 seed,
				void (*fault)(void *data, const char *what, ioasid_t id),
				void *data)
{
	size_t i;

	memset(plugger, 0, sizeof(*plugger));
	plugger->fault = fault;
	plugger->data = data;
	prandom_seed_state(&plugger->rnd, seed);
	for (i = 0; i < ARRAY_SIZE(plugger->sources); i++) {
		plugger->sources[i].plugger = plugger;
		mutex_init(&plugger->sources[i].lock);
	}
	for (i = 0; i < ARRAY_SIZE(plugger->members); i++) {
		struct member *member = &plugger->members[i];

		member->source = &plugger->sources[i / 2];
		member->ops.alloc = i / 2 ? other_alloc : source_alloc;
		member->ops.free = i / 2 ? other_free : source_free;
		member->ops.pdata = member;
	}
}

/*
 * One of them comes or goes. At least one stays, or the default allocator takes over and does not
 * let go while it has IDs.
 */
static inline void plug_or_unplug(struct plugger *plugger)
{
	u32 at = below(&plugger->rnd, ARRAY_SIZE(plugger->members));
	struct member *member = &plugger->members[at];

	if (!member->registered) {
		if (plug(member))
			plugger->fault(plugger->data, "cannot register", 0);
	} else if (registered(plugger, NULL) > 1) {
		unplug(plugger, member);
	}
	plugger->changes++;
}

#endif /* IOASID_TESTS_PLUGGER_H */
