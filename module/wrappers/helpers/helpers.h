/* SPDX-License-Identifier: GPL-2.0 */
/*
 * C inline functions and macros that bindgen cannot bind, as real functions.
 */
#ifndef DMP_HELPERS_H
#define DMP_HELPERS_H

#include <linux/completion.h>
#include <linux/dax.h>
#include <linux/device-mapper.h>
#include <linux/kobject.h>
#include <linux/types.h>

struct block_device;
struct file;
struct mapped_device;
struct module;
struct seq_file;
struct timekeeper;

/* percpu.c */
u64 *dmp_percpu_alloc(size_t counters, bool wait);
u64 dmp_percpu_get(u64 *counter);
void dmp_percpu_set(u64 *counter, u64 n);
void dmp_percpu_add(u64 *counter, u64 n);
void dmp_percpu_raise(u64 *counter, u64 n);
void dmp_percpu_sums(const u64 *counters, u64 *sums, size_t n);
u64 dmp_percpu_max(const u64 *counter);
void dmp_percpu_tally(u64 *tally, u64 n);
bool dmp_percpu_tallies(const u64 *added, const u64 *taken, u64 *sums);

/* timekeeping.c */
/* CLOCK_MONOTONIC at the last update of timekeeping, and its rate until the next one. */
struct dmp_timekeeping {
	u64 cycles;
	u64 ns;
	u32 mult;
	u32 shift;
	bool by_tsc;
};

void dmp_read_timekeeper(const struct timekeeper *timekeeper, struct dmp_timekeeping *reading);

/* memalloc.c */
unsigned int dmp_memalloc_noio_save(void);
void dmp_memalloc_noio_restore(unsigned int flags);

/* rcu.c */
void dmp_rcu_read_lock(void);
void dmp_rcu_read_unlock(void);

/* sched.c */
void dmp_cond_resched(void);

/* preempt.c */
void dmp_preempt_disable(void);
void dmp_preempt_enable(void);

/* block.c */
sector_t dmp_bdev_nr_sectors(struct block_device *bdev);
dev_t dmp_bdev_devt(struct block_device *bdev);
sector_t dmp_get_start_sect(struct block_device *bdev);

/* device_mapper.c */
/*
 * A target type of wrappers/dm.rs begins with this. Rust has no type that is a C
 * enum for CONFIG_CFI. So callbacks with an enum in their type are C functions,
 * which call the functions here.
 */
struct dmp_target_type {
	struct target_type type;
	void (*status)(struct dm_target *ti, unsigned int kind, unsigned int flags,
		       char *result, unsigned int maxlen);
	long (*direct_access)(struct dm_target *ti, unsigned long page, long count,
			      unsigned int mode, void **address, void *pfn);
};

/* A page's number is a structure in kernels with linux/pfn_t.h. */
#if __has_include(<linux/pfn_t.h>)
#define dmp_pfn pfn_t
#else
#define dmp_pfn unsigned long
#endif

void dmp_target_status(struct dm_target *ti, status_type_t kind, unsigned int flags,
		       char *result, unsigned int maxlen);
long dmp_target_direct_access(struct dm_target *ti, pgoff_t page, long count,
			      enum dax_access_mode mode, void **address, dmp_pfn *pfn);
dev_t dmp_md_devt(struct mapped_device *md);
u64 dmp_md_diskseq(struct mapped_device *md);
const char *dmp_md_disk_name(struct mapped_device *md);

/* kobject.c */
/*
 * struct dm_kobject_holder of drivers/md/dm-core.h, in which
 * dm_kobject_release() expects the kobject. The kernel exports that function
 * because a module must not itself report the release of a kobject: the report
 * can let the module go while its code is still running
 * (drivers/md/dm-builtin.c).
 */
struct dmp_kobject_holder {
	struct kobject kobj;
	struct completion released;
};

void dm_kobject_release(struct kobject *kobj);
int dmp_check_kobject_release(void);
void dmp_init_completion(struct completion *done);
struct kobject *dmp_module_kobject(struct module *module);

/* sysfs.c */
struct seq_file *dmp_open_file_text(struct file *file);
int dmp_set_open_file_text(struct seq_file *seq, const void *text, size_t length);

#endif
