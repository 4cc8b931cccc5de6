// SPDX-License-Identifier: GPL-2.0

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/device-mapper.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>

#include "helpers.h"

/*
 * A 64-bit counter must be one load and one add: on 32-bit machines a reader
 * could see half of a carry.
 */
#ifndef CONFIG_64BIT
#error "dmp needs a 64-bit kernel"
#endif

/*
 * bindgen and Rust know nothing of __percpu. The casts hide it from sparse, and
 * from gcc where it is an address space of gcc's: hence by way of a number.
 */
#define dmp_percpu(counter) \
	((__typeof__(*(counter)) __percpu __force *)(unsigned long)(counter))

u64 *dmp_percpu_alloc(size_t counters)
{
	return (u64 *)(__force unsigned long)
		__alloc_percpu(array_size(counters, sizeof(u64)), sizeof(u64));
}

void dmp_percpu_inc(u64 *counter)
{
	this_cpu_inc(*dmp_percpu(counter));
}

/*
 * Raises the counter behind p. A new maximum is rare: this is out of the way of
 * what is not.
 */
static noinline void raise_behind(u64 __percpu *p, u64 n)
{
	u64 seen, old = this_cpu_read(p[1]);

	/* Another CPU's counter after a migration is as good, if it is lower. */
	while (old < n) {
		seen = this_cpu_cmpxchg(p[1], old, n);
		if (seen == old)
			break;
		old = seen;
	}
}

void dmp_percpu_count(u64 __rcu **counters, size_t sum, size_t one, u64 n)
{
	u64 __percpu *p;

	rcu_read_lock();
	p = dmp_percpu(rcu_dereference(*counters));
	this_cpu_add(p[sum], n);
	this_cpu_inc(p[one]);
	rcu_read_unlock();
}

void dmp_percpu_measure(u64 __rcu **counters, size_t sum, size_t one, u64 n)
{
	u64 __percpu *p;

	rcu_read_lock();
	p = dmp_percpu(rcu_dereference(*counters));
	if (p) {
		this_cpu_inc(p[one]);
		p += sum;
		this_cpu_add(p[0], n);
		/* raw: it may be any CPU's, and is looked at again before it is raised. */
		if (unlikely(raw_cpu_read(p[1]) < n))
			raise_behind(p, n);
	}
	rcu_read_unlock();
}

u64 dmp_percpu_sum(const u64 *counter)
{
	const u64 __percpu *p = dmp_percpu(counter);
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(p, cpu));
	return sum;
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

unsigned int dmp_memalloc_noio_save(void)
{
	return memalloc_noio_save();
}

void dmp_memalloc_noio_restore(unsigned int flags)
{
	memalloc_noio_restore(flags);
}

void dmp_rcu_read_lock(void)
{
	rcu_read_lock();
}

void dmp_rcu_read_unlock(void)
{
	rcu_read_unlock();
}

void dmp_bio_set_dev(struct block_device *bdev, struct bio *bio)
{
	bio_set_dev(bio, bdev);
}

sector_t dmp_bdev_nr_sectors(struct block_device *bdev)
{
	return bdev_nr_sectors(bdev);
}

sector_t dmp_get_start_sect(struct block_device *bdev)
{
	return get_start_sect(bdev);
}

dev_t dmp_md_devt(struct mapped_device *md)
{
	return disk_devt(dm_disk(md));
}

const char *dmp_md_disk_name(struct mapped_device *md)
{
	return dm_disk(md)->disk_name;
}

void dmp_init_completion(struct completion *done)
{
	init_completion(done);
}

struct kobject *dmp_module_kobject(struct module *module)
{
	return &module->mkobj.kobj;
}
