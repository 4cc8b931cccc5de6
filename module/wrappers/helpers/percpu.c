// SPDX-License-Identifier: GPL-2.0

#include <linux/log2.h>
#include <linux/percpu.h>

/*
 * A 64-bit counter must be one load and one add: on 32-bit machines a reader
 * could see half of a carry.
 */
#ifndef CONFIG_64BIT
#error "dmp needs a 64-bit kernel"
#endif

/*
 * bindgen and Rust know nothing of __percpu. The casts go through a number,
 * which hides __percpu from sparse, and from gcc where it is an address space
 * of gcc.
 */
#define dmp_percpu(counter) \
	((__typeof__(*(counter)) __percpu __force *)(unsigned long)(counter))

u64 *dmp_percpu_alloc(size_t counters, bool wait)
{
	size_t size = array_size(counters, sizeof(u64));
	size_t align = min_t(size_t, roundup_pow_of_two(size), SMP_CACHE_BYTES);
	gfp_t gfp = wait ? GFP_KERNEL : GFP_NOWAIT | __GFP_NOWARN;

	return (u64 *)(__force unsigned long)__alloc_percpu_gfp(size, align, gfp);
}

u64 dmp_percpu_get(u64 *counter)
{
	return __this_cpu_read(*dmp_percpu(counter));
}

void dmp_percpu_set(u64 *counter, u64 n)
{
	__this_cpu_write(*dmp_percpu(counter), n);
}

void dmp_percpu_add(u64 *counter, u64 n)
{
	this_cpu_add(*dmp_percpu(counter), n);
}

__cold void dmp_percpu_raise(u64 *counter, u64 n)
{
	u64 __percpu *p = dmp_percpu(counter);
	u64 seen, old = this_cpu_read(*p);

	/* After a migration, the maximum may be in another CPU's counter. */
	while (old < n) {
		seen = this_cpu_cmpxchg(*p, old, n);
		if (seen == old)
			break;
		old = seen;
	}
}

/*
 * Reads from the last counter to the first, because an event counts in the later ones last.
 * x86-64 keeps loads in program order, and stores as well.
 */
void dmp_percpu_sums(const u64 *counters, u64 *sums, size_t n)
{
	const u64 __percpu *p = dmp_percpu(counters);
	int cpu;

	for_each_possible_cpu(cpu) {
		const u64 *own = per_cpu_ptr(p, cpu);
		size_t i;

		for (i = n; i-- > 0;)
			sums[i] += READ_ONCE(own[i]);
	}
}

/*
 * The counters of Tally in wrappers/atomic.rs, which has the reason for their order.
 * Only one CPU writes them. An interrupt may add a whole event between two changes.
 */
enum { TALLY_FIRST, TALLY_SUM, TALLY_LAST };

void dmp_percpu_tally(u64 *tally, u64 n)
{
	u64 __percpu *p = dmp_percpu(tally);

	this_cpu_inc(p[TALLY_FIRST]);
	/* Pairs with the second smp_rmb() in read_tally(). */
	smp_wmb();
	this_cpu_add(p[TALLY_SUM], n);
	/* Pairs with the first smp_rmb() in read_tally(), and with dmp_percpu_tallies(). */
	smp_wmb();
	this_cpu_inc(p[TALLY_LAST]);
	/* Pairs with read_barrier(): a reader that finds this CPU's next count finds the tally. */
	smp_wmb();
}

/* Reads a tally backwards. Returns whether it is consistent. */
static bool read_tally(const u64 *tally, u64 *count, u64 *sum)
{
	int tries;

	for (tries = 0; tries < 1000; tries++) {
		*count = READ_ONCE(tally[TALLY_LAST]);
		/* Pairs with the second smp_wmb() in dmp_percpu_tally(). */
		smp_rmb();
		*sum = READ_ONCE(tally[TALLY_SUM]);
		/* Pairs with the first smp_wmb() in dmp_percpu_tally(). */
		smp_rmb();
		if (READ_ONCE(tally[TALLY_FIRST]) == *count)
			return true;
		cpu_relax();
	}
	return false;
}

/*
 * Sums the tallies of all CPUs into sums: count and sum of added, then of
 * taken. Returns whether all of them are consistent. Reads each CPU's taken
 * tally first: so every event that is counted as taken is counted as added as
 * well, if both happened on that CPU.
 */
bool dmp_percpu_tallies(const u64 *added, const u64 *taken, u64 *sums)
{
	const u64 __percpu *add = dmp_percpu(added);
	const u64 __percpu *take = dmp_percpu(taken);
	bool whole = true;
	int cpu;

	for_each_possible_cpu(cpu) {
		u64 count, sum;

		whole &= read_tally(per_cpu_ptr(take, cpu), &count, &sum);
		sums[2] += count;
		sums[3] += sum;
		/* Pairs with the second smp_wmb() of the event in taken. */
		smp_rmb();
		whole &= read_tally(per_cpu_ptr(add, cpu), &count, &sum);
		sums[0] += count;
		sums[1] += sum;
	}
	return whole;
}

u64 dmp_percpu_max(const u64 *counter)
{
	const u64 __percpu *p = dmp_percpu(counter);
	u64 max = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		max = max(max, READ_ONCE(*per_cpu_ptr(p, cpu)));
	return max;
}
