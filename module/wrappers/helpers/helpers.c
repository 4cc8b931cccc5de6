// SPDX-License-Identifier: GPL-2.0

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/dax.h>
#include <linux/device-mapper.h>
#include <linux/fs.h>
#include <linux/kernfs.h>
#include <linux/module.h>
#include <linux/log2.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeper_internal.h>

#include "helpers.h"

/* Cannot be built into the kernel, which compiles its own Rust code without bindings.h. */
#ifndef MODULE
#error "dmp can only be a module: obj-m"
#endif

/*
 * A 64-bit counter must be one load and one add: on 32-bit machines a reader
 * could see half of a carry.
 */
#ifndef CONFIG_64BIT
#error "dmp needs a 64-bit kernel"
#endif

/* The place where wrappers/preempt.rs expects the count, and its highest bit. */
#ifdef DMP_PCPU_HOT
static_assert(offsetof(struct pcpu_hot, preempt_count) == 8);
#endif
#if defined(CONFIG_X86_64) && defined(CONFIG_HAS_SEPARATE_PREEMPT_RESCHED_BITS)
static_assert(PREEMPT_NEED_RESCHED == 1UL << 63);
#elif defined(CONFIG_X86_64)
static_assert(PREEMPT_NEED_RESCHED == 1UL << 31);
#endif

/*
 * bindgen and Rust know nothing of __percpu. The casts hide it from sparse, and
 * from gcc where it is an address space of gcc: so they go through a number.
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

void dmp_percpu_add(u64 *counter, u64 n)
{
	this_cpu_add(*dmp_percpu(counter), n);
}

__cold void dmp_percpu_raise(u64 *counter, u64 n)
{
	u64 __percpu *p = dmp_percpu(counter);
	u64 seen, old = this_cpu_read(*p);

	/* After a migration, another CPU's counter is as good if it is lower. */
	while (old < n) {
		seen = this_cpu_cmpxchg(*p, old, n);
		if (seen == old)
			break;
		old = seen;
	}
}

/* Reads from the last counter to the first, because the later ones are counted later. */
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

/* The counters of Tally in wrappers/atomic.rs. */
enum { TALLY_FIRST, TALLY_SUM, TALLY_LAST };

void dmp_percpu_tally(u64 *tally, u64 n)
{
	u64 __percpu *p = dmp_percpu(tally);

	this_cpu_inc(p[TALLY_FIRST]);
	smp_wmb();
	this_cpu_add(p[TALLY_SUM], n);
	smp_wmb();
	this_cpu_inc(p[TALLY_LAST]);
}

/* Reads a tally backwards. Returns whether it is of one time. */
static bool read_tally(const u64 *tally, u64 *count, u64 *sum)
{
	int tries;

	for (tries = 0; tries < 1000; tries++) {
		*count = READ_ONCE(tally[TALLY_LAST]);
		smp_rmb();
		*sum = READ_ONCE(tally[TALLY_SUM]);
		smp_rmb();
		if (READ_ONCE(tally[TALLY_FIRST]) == *count)
			return true;
		cpu_relax();
	}
	return false;
}

/*
 * Sums the tallies of all CPUs into sums: count and sum of added, then of taken.
 * Returns whether all of them are of one time. Reads each CPU's taken first: so
 * no thing is seen as taken that is not seen as added, if both were on that CPU.
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

/*
 * Reads the last update of timekeeping, for wrappers/tsc.rs. A processor without
 * RDTSCP has no short way to read the TSC in program order, so it counts as one
 * whose time another clock keeps.
 */
void dmp_read_timekeeper(const struct timekeeper *timekeeper, struct dmp_timekeeping *reading)
{
	const struct tk_read_base *base = &timekeeper->tkr_mono;

	reading->cycles = base->cycle_last;
	reading->ns = ktime_to_ns(base->base) + (base->xtime_nsec >> base->shift);
	reading->mult = base->mult;
	reading->shift = base->shift;
#ifdef CONFIG_X86_64
	reading->by_tsc = (base->clock->id == CSID_X86_TSC ||
			   base->clock->id == CSID_X86_TSC_EARLY) &&
			  boot_cpu_has(X86_FEATURE_RDTSCP);
#else
	reading->by_tsc = false;
#endif
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

void dmp_cond_resched(void)
{
	cond_resched();
}

void dmp_preempt_disable(void)
{
	preempt_disable_notrace();
}

void dmp_preempt_enable(void)
{
	preempt_enable_notrace();
}

sector_t dmp_bdev_nr_sectors(struct block_device *bdev)
{
	return bdev_nr_sectors(bdev);
}

dev_t dmp_bdev_devt(struct block_device *bdev)
{
	return bdev->bd_dev;
}

sector_t dmp_get_start_sect(struct block_device *bdev)
{
	return get_start_sect(bdev);
}

static const struct dmp_target_type *dmp_target_type(const struct dm_target *ti)
{
	return container_of_const(ti->type, struct dmp_target_type, type);
}

void dmp_target_status(struct dm_target *ti, status_type_t kind, unsigned int flags,
		       char *result, unsigned int maxlen)
{
	dmp_target_type(ti)->status(ti, kind, flags, result, maxlen);
}

long dmp_target_direct_access(struct dm_target *ti, pgoff_t page, long count,
			      enum dax_access_mode mode, void **address, dmp_pfn *pfn)
{
	return dmp_target_type(ti)->direct_access(ti, page, count, mode, address, pfn);
}

dev_t dmp_md_devt(struct mapped_device *md)
{
	return disk_devt(dm_disk(md));
}

u64 dmp_md_diskseq(struct mapped_device *md)
{
	return dm_disk(md)->diskseq;
}

const char *dmp_md_disk_name(struct mapped_device *md)
{
	return dm_disk(md)->disk_name;
}

/* Checks that dm_kobject_release() expects the holder that is declared here. */
int dmp_check_kobject_release(void)
{
	struct dmp_kobject_holder *holder = kzalloc(sizeof(*holder), GFP_KERNEL);
	bool released;

	if (!holder)
		return -ENOMEM;
	init_completion(&holder->released);
	dm_kobject_release(&holder->kobj);
	released = try_wait_for_completion(&holder->released);
	kfree(holder);
	if (!released)
		pr_err("dmp: not made for this kernel: struct dm_kobject_holder is another one\n");
	return released ? 0 : -EINVAL;
}

/*
 * Returns the seq_file that kernfs makes for each open file, or NULL if the kernel
 * keeps open files in another way. The seq_file has no operations if the file is
 * read without them, as binary attributes are. Then nobody uses its buffer, and kernfs
 * frees the buffer with the open file (fs/kernfs/file.c: kernfs_fop_open(),
 * kernfs_fop_release()).
 */
struct seq_file *dmp_open_file_text(struct file *file)
{
	struct seq_file *seq = file->private_data;
	struct kernfs_open_file *of;

	if (!seq || seq->file != file || seq->op)
		return NULL;
	of = seq->private;
	return of && of->file == file && of->seq_file == seq ? seq : NULL;
}

/* Replaces the text in the buffer by a copy of another text. */
int dmp_set_open_file_text(struct seq_file *seq, const void *text, size_t length)
{
	char *buf = kvmemdup(text, length, GFP_KERNEL_ACCOUNT);

	if (!buf)
		return -ENOMEM;
	kvfree(seq->buf);
	seq->buf = buf;
	seq->size = length;
	seq->count = length;
	return 0;
}

void dmp_init_completion(struct completion *done)
{
	init_completion(done);
}

struct kobject *dmp_module_kobject(struct module *module)
{
	return &module->mkobj.kobj;
}
