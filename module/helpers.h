/* SPDX-License-Identifier: GPL-2.0 */
/*
 * C inline functions and macros that bindgen cannot bind, as real functions.
 */
#ifndef DMP_HELPERS_H
#define DMP_HELPERS_H

#include <linux/types.h>

struct bio;
struct block_device;
struct completion;
struct kobject;
struct mapped_device;
struct module;

/* linux/percpu.h */
u64 *dmp_percpu_alloc(size_t counters);
void dmp_percpu_inc(u64 *counter);
void dmp_percpu_count(u64 __rcu **counters, size_t sum, size_t one, u64 n);
void dmp_percpu_measure(u64 __rcu **counters, size_t sum, size_t one, u64 n);
u64 dmp_percpu_sum(const u64 *counter);
u64 dmp_percpu_max(const u64 *counter);

/* linux/sched/mm.h */
unsigned int dmp_memalloc_noio_save(void);
void dmp_memalloc_noio_restore(unsigned int flags);

/* linux/rcupdate.h */
void dmp_rcu_read_lock(void);
void dmp_rcu_read_unlock(void);

/* linux/bio.h, linux/blkdev.h */
/* The bio is where map has it: its second argument. */
void dmp_bio_set_dev(struct block_device *bdev, struct bio *bio);
sector_t dmp_bdev_nr_sectors(struct block_device *bdev);
sector_t dmp_get_start_sect(struct block_device *bdev);

/* linux/device-mapper.h */
dev_t dmp_md_devt(struct mapped_device *md);
const char *dmp_md_disk_name(struct mapped_device *md);

/* linux/completion.h, linux/module.h */
void dmp_init_completion(struct completion *done);
struct kobject *dmp_module_kobject(struct module *module);

#endif
