// SPDX-License-Identifier: GPL-2.0
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/vmalloc.h>

#include "stress.h"

static unsigned int seed;
module_param(seed, uint, 0644);
MODULE_PARM_DESC(seed, "What the threads do; 0: other things each time");

static unsigned int seconds = 5;
module_param(seconds, uint, 0644);
MODULE_PARM_DESC(seconds, "How long each case takes");

struct worker {
	struct stress *stress;
	struct rnd_state rnd;
	struct owned_lives owned;
	struct {
		unsigned int life;
		bool named;
	} held[MAX_HELD];
	unsigned int n_held;
	const char *name;
};

void stress_fault(struct stress *stress, const char *what, ioasid_t id)
{
	if (atomic_inc_return(&stress->faults) <= 10)
		kunit_err(stress->test, "%s: ID %u\n", what, id);
}

/* What a lookup gives: a life that can be that of the number, or none. */
static struct life *find_life(struct stress *stress, ioasid_t id)
{
	void *found = ioasid_find(NULL, id, NULL);
	unsigned long index = (unsigned long)found - 1;
	ioasid_t known;

	if (found == ERR_PTR(-ENOENT))
		return NULL;
	if (index >= LIVES) {
		stress_fault(stress, "found with data that nobody gave", id);
		return NULL;
	}
	/* 0 until the owner knows. */
	known = READ_ONCE(stress->lives[index].id);
	if (known && known != id)
		stress_fault(stress, "found with the data of another ID", id);
	return &stress->lives[index];
}

static void do_alloc(struct worker *worker)
{
	struct stress *stress = worker->stress;
	struct life *life, *before;
	unsigned int at;
	ioasid_t id;
	int err, previous;

	at = next_life(&worker->owned, &stress->n_lives);
	if (at == LIVES)
		return;
	life = &stress->lives[at];
	err = alloc_life(&worker->rnd, NULL, STRESS_IDS, at, &id);
	if (err) {
		atomic_inc(&stress->full);
		if (err != -ENOSPC || id != INVALID_IOASID)
			stress_fault(stress, "allocation failed for no good reason", -err);
		return;
	}
	atomic_inc(&stress->allocs);
	previous = atomic_xchg(&stress->last[id], at + 1);
	if (previous) {
		before = &stress->lives[previous - 1];
		if (READ_ONCE(before->state) < LIFE_FREEING)
			stress_fault(stress, "owned twice", id);
		if (atomic_read(&before->holders))
			stress_fault(stress, "reused while it is held", id);
	}
	WRITE_ONCE(life->id, id);
	/* Pairs with the load in do_get(). */
	smp_store_release(&life->state, LIFE_OWNED);
	worker->owned.at[worker->owned.n++] = at;
}

static void told_of_end(struct stress *stress, struct life *life)
{
	if (atomic_inc_return(&life->ends) > 1)
		stress_fault(stress, "ended twice", life->id);
}

/* The owner may hold a reference of his own; then free is idempotent. */
static int free_while_held(struct stress *stress, struct life *life)
{
	if (ioasid_get(NULL, life->id))
		stress_fault(stress, "no reference for the owner", life->id);
	if (ioasid_free(NULL, life->id) != 1)
		stress_fault(stress, "reclaimed while held", life->id);
	if (ioasid_free(NULL, life->id) != 1)
		stress_fault(stress, "reclaimed by a second free", life->id);
	if (ioasid_get(NULL, life->id) != -EBUSY)
		stress_fault(stress, "reference to a freed ID", life->id);
	return ioasid_put(NULL, life->id) ? 0 : 1;
}

static void do_free(struct worker *worker)
{
	struct stress *stress = worker->stress;
	int at = pick(&worker->rnd, worker->owned.n), ret;
	unsigned int how = below(&worker->rnd, 8);
	unsigned long flags;
	struct life *life;

	if (at < 0)
		return;
	life = &stress->lives[worker->owned.at[at]];
	worker->owned.at[at] = worker->owned.at[--worker->owned.n];
	if (find_life(stress, life->id) != life)
		stress_fault(stress, "lost by its owner", life->id);
	WRITE_ONCE(life->state, LIFE_FREEING);
	if (how == 0) {
		WRITE_ONCE(life->deferred, true);
		local_irq_save(flags);
		ret = ioasid_free(NULL, life->id);
		local_irq_restore(flags);
	} else if (how == 1) {
		ret = free_while_held(stress, life);
	} else {
		ret = ioasid_free(NULL, life->id);
	}
	/* Pairs with the load in do_get(): what comes after it comes after the free. */
	smp_store_release(&life->state, LIFE_FREED);
	if (ret < 0)
		stress_fault(stress, "cannot be freed by its owner", life->id);
	if (!ret)
		told_of_end(stress, life);
}

static void do_get(struct worker *worker)
{
	struct stress *stress = worker->stress;
	ioasid_t id = 1 + below(&worker->rnd, STRESS_IDS);
	bool named = below(&worker->rnd, 2), was_freed;
	struct life *before, *life;
	int err;

	if (worker->n_held == MAX_HELD)
		return;
	before = find_life(stress, id);
	/* Pairs with the stores in do_alloc() and do_free(). */
	was_freed = before && smp_load_acquire(&before->state) == LIFE_FREED;
	err = named ? ioasid_get_named(NULL, id, worker->name) : ioasid_get(NULL, id);
	if (err) {
		atomic_inc(&stress->busy);
		if (err != -EINVAL && err != -EBUSY)
			stress_fault(stress, "get fails with a strange error", id);
		return;
	}
	atomic_inc(&stress->gets);
	life = find_life(stress, id);
	if (!life) {
		stress_fault(stress, "not found while held", id);
		return;
	}
	if (life == before && was_freed)
		stress_fault(stress, "reference to a freed ID", id);
	atomic_inc(&life->holders);
	worker->held[worker->n_held].life = life - stress->lives;
	worker->held[worker->n_held++].named = named;
}

static void do_put(struct worker *worker)
{
	struct stress *stress = worker->stress;
	bool named, last, irqs_off = !below(&worker->rnd, 8);
	int at = pick(&worker->rnd, worker->n_held);
	unsigned long flags = 0;
	struct life *life;
	ioasid_t id;

	if (at < 0)
		return;
	life = &stress->lives[worker->held[at].life];
	named = worker->held[at].named;
	/* Its owner may not have noted the number yet: he is still on his way out of alloc. */
	while (!(id = READ_ONCE(life->id)))
		cond_resched();
	worker->held[at] = worker->held[--worker->n_held];
	if (find_life(stress, id) != life)
		stress_fault(stress, "another life while held", id);
	drop_holder(&life->holders);
	if (irqs_off)
		local_irq_save(flags);
	last = named ? ioasid_put_named(NULL, id, worker->name) : ioasid_put(NULL, id);
	if (irqs_off)
		local_irq_restore(flags);
	if (last)
		told_of_end(stress, life);
}

static void do_find(struct worker *worker)
{
	find_life(worker->stress, 1 + below(&worker->rnd, STRESS_IDS));
}

static void work(void *data)
{
	static void (* const steps[])(struct worker *worker) = {
		do_alloc, do_alloc, do_free, do_get, do_get, do_put, do_put, do_find,
	};
	struct worker *worker = data;

	while (time_before(jiffies, READ_ONCE(worker->stress->end))) {
		steps[below(&worker->rnd, ARRAY_SIZE(steps))](worker);
		cond_resched();
	}
	while (worker->owned.n)
		do_free(worker);
	while (worker->n_held)
		do_put(worker);
}

static void free_lives(void *lives)
{
	vfree(lives);
}

struct stress *stress_new(struct kunit *test)
{
	struct stress *stress = kunit_kzalloc(test, sizeof(*stress), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, stress);
	stress->test = test;
	stress->lives = vcalloc(LIVES, sizeof(*stress->lives));
	KUNIT_ASSERT_NOT_NULL(test, stress->lives);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_lives, stress->lives), 0);
	stress->seed = seed ?: get_random_u32();
	stress->end = jiffies + seconds * HZ;
	kunit_info(test, "seed=%u, %u s\n", stress->seed, seconds);
	return stress;
}

void stress_start(struct stress *stress, struct helper **helpers)
{
	static const char * const names[] = { "kvm", "iommu", "driver", "vfio" };
	struct kunit *test = stress->test;
	struct worker *workers = kunit_kcalloc(test, STRESS_THREADS, sizeof(*workers), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, workers);
	for (i = 0; i < STRESS_THREADS; i++) {
		workers[i].stress = stress;
		workers[i].name = names[i % ARRAY_SIZE(names)];
		prandom_seed_state(&workers[i].rnd, stress->seed + i);
		helpers[i] = helper_start(test, work, &workers[i]);
	}
}

/* Everything that began has ended, and that was noticed once. */
void stress_finish(struct stress *stress, struct helper **helpers)
{
	struct kunit *test = stress->test;
	unsigned int n, i;

	for (i = 0; i < STRESS_THREADS; i++)
		helper_join(test, helpers[i]);
	n = atomic_read(&stress->n_lives);
	for (i = 0; i < n; i++) {
		struct life *life = &stress->lives[i];
		int ends = atomic_read(&life->ends);

		if (life->state == LIFE_NONE)
			continue;
		if (life->state != LIFE_FREED || atomic_read(&life->holders))
			stress_fault(stress, "the test itself has lost count", life->id);
		if (ends > 1 || (!ends && !life->deferred))
			stress_fault(stress, "nobody was told that it was the last", life->id);
	}
	kunit_info(test, "%d allocated, %d refused; %d references, %d refused\n",
		   atomic_read(&stress->allocs), atomic_read(&stress->full),
		   atomic_read(&stress->gets), atomic_read(&stress->busy));
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&stress->faults), 0, "seed=%u", stress->seed);
	KUNIT_EXPECT_GT(test, atomic_read(&stress->allocs), 100);
	KUNIT_EXPECT_GT(test, atomic_read(&stress->gets), 100);
	for (i = 1; i <= STRESS_IDS; i++)
		KUNIT_EXPECT_TRUE_MSG(test, eventually(is_unknown(i)), "ID %u is left", i);
}

/* B-073, B-075, B-082, B-091, B-096, B-098, B-161. */
static void ids_are_handed_out_once(struct kunit *test)
{
	struct helper *helpers[STRESS_THREADS];
	struct stress *stress = stress_new(test);

	stress_start(stress, helpers);
	stress_finish(stress, helpers);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_SLOW(ids_are_handed_out_once),
	KUNIT_CASE_SLOW(ids_are_handed_out_once_by_custom_allocators),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_stress",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("IOASID: random use from several threads");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
