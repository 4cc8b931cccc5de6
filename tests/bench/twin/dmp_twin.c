// SPDX-License-Identifier: GPL-2.0
/*
 * dmp's work on a request, in C and in two ways, for comparison with dmp:
 *
 *   twin_atomic <device>   requests and bytes of reads and writes, in counters that
 *                          all CPUs share
 *   twin_percpu <device>   requests by size, bytes and errors of dmp's operations,
 *                          in counters of each CPU's own
 *
 * "dmsetup status" prints requests and bytes, of reads and of writes. Never used
 * for anything but the benchmark: there is no reset, no sysfs and no latency.
 */
#include <linux/bio.h>
#include <linux/device-mapper.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/slab.h>

enum { TWIN_READ, TWIN_WRITE, TWIN_DISCARD, TWIN_FLUSH, TWIN_ZEROES, TWIN_OTHER, TWIN_OPERATIONS };

/* Up to 512 bytes, up to 1 KiB, and so on. */
#define TWIN_SMALLEST 9
#define TWIN_SIZES 24

struct twin_shared {
	atomic64_t requests[2];
	atomic64_t bytes[2];
};

struct twin_counts {
	u64 sizes[TWIN_SIZES];
	u64 bytes;
	u64 errors;
};

struct twin_percpu {
	struct twin_counts of[TWIN_OPERATIONS];
};

struct twin {
	struct dm_dev *dev;
	struct twin_shared shared;
	struct twin_percpu __percpu *percpu;
};

static int twin_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct twin *twin;
	int err;

	if (argc != 1) {
		ti->error = "expected <device>";
		return -EINVAL;
	}
	twin = kzalloc(sizeof(*twin), GFP_KERNEL);
	if (!twin)
		return -ENOMEM;
	err = -ENOMEM;
	twin->percpu = alloc_percpu(struct twin_percpu);
	if (!twin->percpu)
		goto free;
	err = dm_get_device(ti, argv[0], dm_table_get_mode(ti->table), &twin->dev);
	if (err)
		goto free;
	ti->num_flush_bios = 1;
	ti->num_discard_bios = 1;
	ti->num_secure_erase_bios = 1;
	ti->num_write_zeroes_bios = 1;
	ti->private = twin;
	return 0;

free:
	free_percpu(twin->percpu);
	kfree(twin);
	return err;
}

static void twin_dtr(struct dm_target *ti)
{
	struct twin *twin = ti->private;

	dm_put_device(ti, twin->dev);
	free_percpu(twin->percpu);
	kfree(twin);
}

static inline int twin_remap(struct dm_target *ti, struct bio *bio)
{
	struct twin *twin = ti->private;

	bio_set_dev(bio, twin->dev->bdev);
	bio->bi_iter.bi_sector = dm_target_offset(ti, bio->bi_iter.bi_sector);
	return DM_MAPIO_REMAPPED;
}

static int twin_atomic_map(struct dm_target *ti, struct bio *bio)
{
	struct twin *twin = ti->private;
	int write = op_is_write(bio_op(bio));

	atomic64_inc(&twin->shared.requests[write]);
	atomic64_add(bio->bi_iter.bi_size, &twin->shared.bytes[write]);
	return twin_remap(ti, bio);
}

static inline unsigned int twin_operation(const struct bio *bio, unsigned int size)
{
	switch (bio_op(bio)) {
	case REQ_OP_READ:
		return TWIN_READ;
	case REQ_OP_WRITE:
		return size ? TWIN_WRITE : TWIN_FLUSH;
	case REQ_OP_FLUSH:
		return TWIN_FLUSH;
	case REQ_OP_ZONE_APPEND:
		return TWIN_WRITE;
	case REQ_OP_DISCARD:
		return TWIN_DISCARD;
	case REQ_OP_WRITE_ZEROES:
		return TWIN_ZEROES;
	default:
		return TWIN_OTHER;
	}
}

/* The operation, for end_io: by then the size of a request is 0. */
struct twin_stamp {
	unsigned int operation;
};

static int twin_percpu_map(struct dm_target *ti, struct bio *bio)
{
	struct twin *twin = ti->private;
	struct twin_stamp *stamp = dm_per_bio_data(bio, sizeof(*stamp));
	unsigned int size = bio->bi_iter.bi_size;
	unsigned int operation = twin_operation(bio, size);
	unsigned int bucket = size > 1 ? fls((size - 1) >> TWIN_SMALLEST) : 0;

	this_cpu_inc(twin->percpu->of[operation].sizes[bucket]);
	this_cpu_add(twin->percpu->of[operation].bytes, size);
	stamp->operation = operation;
	return twin_remap(ti, bio);
}

static int twin_percpu_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	ti->per_io_data_size = sizeof(struct twin_stamp);
	return twin_ctr(ti, argc, argv);
}

static int twin_percpu_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error)
{
	struct twin *twin = ti->private;
	const struct twin_stamp *stamp = dm_per_bio_data(bio, sizeof(*stamp));

	if (unlikely(*error))
		this_cpu_inc(twin->percpu->of[stamp->operation].errors);
	return DM_ENDIO_DONE;
}

static void twin_status(struct dm_target *ti, status_type_t type, unsigned int flags,
			char *result, unsigned int maxlen)
{
	struct twin *twin = ti->private;
	unsigned int sz = 0;
	int operation, bucket, cpu;

	if (type != STATUSTYPE_INFO) {
		DMEMIT("%s", twin->dev->name);
		return;
	}
	for (operation = TWIN_READ; operation <= TWIN_WRITE; operation++) {
		u64 requests = atomic64_read(&twin->shared.requests[operation]);
		u64 bytes = atomic64_read(&twin->shared.bytes[operation]);

		for_each_possible_cpu(cpu) {
			struct twin_counts *counts = &per_cpu_ptr(twin->percpu, cpu)->of[operation];

			for (bucket = 0; bucket < TWIN_SIZES; bucket++)
				requests += counts->sizes[bucket];
			bytes += counts->bytes;
		}
		DMEMIT("%s%llu %llu", operation ? " " : "", requests, bytes);
	}
}

static int twin_iterate_devices(struct dm_target *ti, iterate_devices_callout_fn fn, void *data)
{
	struct twin *twin = ti->private;

	return fn(ti, twin->dev, 0, ti->len, data);
}

static struct target_type twins[] = {
	{
		.name = "twin_atomic",
		.version = { 1, 0, 0 },
		.features = DM_TARGET_NOWAIT,
		.module = THIS_MODULE,
		.ctr = twin_ctr,
		.dtr = twin_dtr,
		.map = twin_atomic_map,
		.status = twin_status,
		.iterate_devices = twin_iterate_devices,
	},
	{
		.name = "twin_percpu",
		.version = { 1, 0, 0 },
		.features = DM_TARGET_NOWAIT,
		.module = THIS_MODULE,
		.ctr = twin_percpu_ctr,
		.dtr = twin_dtr,
		.map = twin_percpu_map,
		.end_io = twin_percpu_end_io,
		.status = twin_status,
		.iterate_devices = twin_iterate_devices,
	},
};

static int __init twin_init(void)
{
	int err = dm_register_target(&twins[0]);

	if (err)
		return err;
	err = dm_register_target(&twins[1]);
	if (err)
		dm_unregister_target(&twins[0]);
	return err;
}

static void __exit twin_exit(void)
{
	dm_unregister_target(&twins[1]);
	dm_unregister_target(&twins[0]);
}

module_init(twin_init);
module_exit(twin_exit);
MODULE_DESCRIPTION("What dmp does, in C, to be measured");
MODULE_LICENSE("GPL");
