// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/dmptest, a disk of 16 MiB in memory with abilities that no emulated disk has:
 * inline encryption, secure erase, persistent reservations and direct access. It
 * records what arrives, so that tests can compare two devices over it.
 *
 *   /proc/dmp_test_disk    a line for each call that arrived; a write forgets them
 *   parameter status       a blk_status_t: requests end with it, and do nothing
 *   parameter only         the operation that ends so; all of them if it is negative
 *
 * The disk's content tells a request's kind: a discard leaves the letter D, a secure
 * erase E, and encrypted data is the plain data xored with key and number.
 */
#include <linux/blk-crypto-profile.h>
#include <linux/blk-crypto.h>
#include <linux/blkdev.h>
#include <linux/dax.h>
#include <linux/module.h>
#include <linux/pr.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/uio.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#include <linux/pfn_t.h>
#endif

#define DISK_BYTES (16 << 20)
#define NOTES 1024
#define NOTE_LENGTH 160

static u8 *content;
static struct gendisk *disk;
static struct dax_device *dax;
/* Allocated, because its lock has a key that lockdep registers only outside static data. */
static struct blk_crypto_profile *profile;

static unsigned char status;
module_param(status, byte, 0644);

static int only = -1;
module_param(only, int, 0644);

static char (*notes)[NOTE_LENGTH];
static unsigned int noted;
static DEFINE_SPINLOCK(notes_lock);

static __printf(1, 2) void note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	spin_lock(&notes_lock);
	if (noted < NOTES)
		vscnprintf(notes[noted++], NOTE_LENGTH, format, args);
	spin_unlock(&notes_lock);
	va_end(args);
}

static int notes_show(struct seq_file *seq, void *unused)
{
	unsigned int i;

	spin_lock(&notes_lock);
	for (i = 0; i < noted; i++)
		seq_printf(seq, "%s\n", notes[i]);
	spin_unlock(&notes_lock);
	return 0;
}

static int notes_open(struct inode *inode, struct file *file)
{
	return single_open(file, notes_show, NULL);
}

static ssize_t notes_write(struct file *file, const char __user *text, size_t count, loff_t *pos)
{
	spin_lock(&notes_lock);
	noted = 0;
	spin_unlock(&notes_lock);
	return count;
}

static const struct proc_ops notes_ops = {
	.proc_open = notes_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
	.proc_write = notes_write,
};

static u8 key_byte(const struct blk_crypto_key *key, unsigned int at)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
	return key->raw[at % key->size];
#else
	return key->bytes[at % key->size];
#endif
}

static void note_bio(struct bio *bio)
{
	const struct bio_crypt_ctx *crypt = bio->bi_crypt_context;
	char what[64] = "";

	if (crypt)
		snprintf(what, sizeof(what), " key %02x%02x unit %u number %llu",
			 key_byte(crypt->bc_key, 0), key_byte(crypt->bc_key, 1),
			 crypt->bc_key->crypto_cfg.data_unit_size, crypt->bc_dun[0]);
	/* A flush has no sector. */
	note("%s %llu+%u%s%s%s%s%s%s prio %x hint %d%s", blk_op_str(bio_op(bio)),
	     bio->bi_iter.bi_size ? bio->bi_iter.bi_sector : 0, bio->bi_iter.bi_size,
	     bio->bi_opf & REQ_SYNC ? " sync" : "",
	     bio->bi_opf & REQ_FUA ? " fua" : "",
	     bio->bi_opf & REQ_PREFLUSH ? " preflush" : "",
	     bio->bi_opf & REQ_NOWAIT ? " nowait" : "",
	     bio->bi_opf & REQ_ATOMIC ? " atomic" : "",
	     bio->bi_opf & REQ_NOUNMAP ? " nounmap" : "",
	     bio->bi_ioprio, bio->bi_write_hint, what);
}

/* Copies data to or from the disk, which stores encrypted data unchanged. */
static void transfer(struct bio *bio, u8 *place)
{
	const struct bio_crypt_ctx *crypt = bio->bi_crypt_context;
	unsigned int at = 0, unit = crypt ? crypt->bc_key->crypto_cfg.data_unit_size : 0;
	struct bvec_iter iter;
	struct bio_vec vec;

	bio_for_each_segment(vec, bio, iter) {
		u8 *memory = bvec_kmap_local(&vec);
		unsigned int i;

		for (i = 0; i < vec.bv_len; i++, at++) {
			u8 pad = crypt ? key_byte(crypt->bc_key, at) ^
					 (u8)(crypt->bc_dun[0] + at / unit) : 0;

			if (op_is_write(bio_op(bio)))
				place[at] = memory[i] ^ pad;
			else
				memory[i] = place[at] ^ pad;
		}
		kunmap_local(memory);
	}
}

static void disk_submit_bio(struct bio *bio)
{
	u8 *place = content + (bio->bi_iter.bi_sector << SECTOR_SHIFT);
	unsigned int size = bio->bi_iter.bi_size;

	note_bio(bio);
	if (status && (only < 0 || only == bio_op(bio))) {
		bio->bi_status = (__force blk_status_t)status;
	} else {
		switch (bio_op(bio)) {
		case REQ_OP_READ:
		case REQ_OP_WRITE:
			transfer(bio, place);
			break;
		case REQ_OP_DISCARD:
			memset(place, 'D', size);
			break;
		case REQ_OP_SECURE_ERASE:
			memset(place, 'E', size);
			break;
		case REQ_OP_WRITE_ZEROES:
			memset(place, 0, size);
			break;
		default:
			bio->bi_status = BLK_STS_NOTSUPP;
		}
	}
	bio_endio(bio);
}

static int disk_pr_register(struct block_device *bdev, u64 old_key, u64 new_key, u32 flags)
{
	note("register %llx %llx %x", old_key, new_key, flags);
	return 0;
}

static int disk_pr_reserve(struct block_device *bdev, u64 key, enum pr_type type, u32 flags)
{
	note("reserve %llx %d %x", key, type, flags);
	return 0;
}

static int disk_pr_release(struct block_device *bdev, u64 key, enum pr_type type)
{
	note("release %llx %d", key, type);
	return -EBUSY;
}

static const struct pr_ops disk_pr_ops = {
	.pr_register = disk_pr_register,
	.pr_reserve = disk_pr_reserve,
	.pr_release = disk_pr_release,
};

static const struct block_device_operations disk_ops = {
	.owner = THIS_MODULE,
	.submit_bio = disk_submit_bio,
	.pr_ops = &disk_pr_ops,
};

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
static long disk_direct_access(struct dax_device *dev, pgoff_t page, long count,
			       enum dax_access_mode mode, void **address, pfn_t *pfn)
#else
static long disk_direct_access(struct dax_device *dev, pgoff_t page, long count,
			       enum dax_access_mode mode, void **address, unsigned long *pfn)
#endif
{
	note("direct access %lu+%ld mode %d", page, count, mode);
	if (address)
		*address = content + page * PAGE_SIZE;
	if (pfn)
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
		*pfn = pfn_to_pfn_t(vmalloc_to_pfn(content + page * PAGE_SIZE));
#else
		*pfn = vmalloc_to_pfn(content + page * PAGE_SIZE);
#endif
	return 1;
}

static int disk_zero_page_range(struct dax_device *dev, pgoff_t page, size_t count)
{
	note("zero pages %lu+%zu", page, count);
	return 0;
}

static size_t disk_recovery_write(struct dax_device *dev, pgoff_t page, void *address,
				  size_t bytes, struct iov_iter *from)
{
	note("recovery write %lu+%zu of %zu", page, bytes, iov_iter_count(from));
	return bytes / 2;
}

static const struct dax_operations disk_dax_ops = {
	.direct_access = disk_direct_access,
	.zero_page_range = disk_zero_page_range,
	.recovery_write = disk_recovery_write,
};

static int keyslot_evict(struct blk_crypto_profile *of, const struct blk_crypto_key *key,
			 unsigned int slot)
{
	note("evict %02x%02x", key_byte(key, 0), key_byte(key, 1));
	return 0;
}

static void destroy_profile(void)
{
	blk_crypto_profile_destroy(profile);
	kfree(profile);
}

static int disk_crypto(void)
{
	int err;

	profile = kzalloc(sizeof(*profile), GFP_KERNEL);
	if (!profile)
		return -ENOMEM;
	err = blk_crypto_profile_init(profile, 0);
	if (err) {
		kfree(profile);
		return err;
	}
	profile->ll_ops.keyslot_evict = keyslot_evict;
	profile->max_dun_bytes_supported = 8;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
	profile->key_types_supported = BLK_CRYPTO_KEY_TYPE_RAW;
#endif
	profile->modes_supported[BLK_ENCRYPTION_MODE_AES_256_XTS] = 512 | 4096;
	profile->modes_supported[BLK_ENCRYPTION_MODE_ADIANTUM] = 1024;
	if (blk_crypto_register(profile, disk->queue))
		return 0;
	destroy_profile();
	return -EINVAL;
}

static int __init disk_init(void)
{
	/* Each limit differs from its default. */
	struct queue_limits limits = {
		.features = BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA | BLK_FEAT_NOWAIT | BLK_FEAT_DAX |
			    BLK_FEAT_STABLE_WRITES | BLK_FEAT_ROTATIONAL | BLK_FEAT_SYNCHRONOUS,
		.physical_block_size = 4096,
		.io_min = 8192,
		.io_opt = 1 << 20,
		.max_hw_sectors = 4096,
		.max_segments = 99,
		.seg_boundary_mask = 0xfffff,
		.virt_boundary_mask = 0xfff,
		.dma_alignment = 3,
		.dma_pad_mask = 7,
		.chunk_sectors = 2048,
		.discard_granularity = 8192,
		.max_hw_discard_sectors = 8192,
		.max_discard_segments = 3,
		.max_secure_erase_sectors = 4096,
		.max_write_zeroes_sectors = 2048,
		.atomic_write_hw_max = 65536,
		.atomic_write_hw_unit_min = 4096,
		.atomic_write_hw_unit_max = 16384,
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
		.max_write_streams = 5,
		.write_stream_granularity = 65536,
#endif
	};
	int err = -ENOMEM;

#ifdef BLK_FEAT_ATOMIC_WRITES
	limits.features |= BLK_FEAT_ATOMIC_WRITES;
#endif
	notes = vzalloc(array_size(NOTES, NOTE_LENGTH));
	content = vzalloc(DISK_BYTES);
	if (!notes || !content)
		goto free;
	disk = blk_alloc_disk(&limits, NUMA_NO_NODE);
	if (IS_ERR(disk)) {
		err = PTR_ERR(disk);
		goto free;
	}
	strscpy(disk->disk_name, "dmptest");
	disk->fops = &disk_ops;
	set_capacity(disk, DISK_BYTES >> SECTOR_SHIFT);
	err = disk_crypto();
	if (err)
		goto put_disk;
	dax = alloc_dax(NULL, &disk_dax_ops);
	if (IS_ERR(dax)) {
		err = PTR_ERR(dax);
		goto free_profile;
	}
	err = dax_add_host(dax, disk);
	if (err)
		goto kill_dax;
	err = -ENOMEM;
	if (!proc_create("dmp_test_disk", 0600, NULL, &notes_ops))
		goto remove_host;
	err = add_disk(disk);
	if (err)
		goto remove_proc;
	return 0;

remove_proc:
	remove_proc_entry("dmp_test_disk", NULL);
remove_host:
	dax_remove_host(disk);
kill_dax:
	kill_dax(dax);
	put_dax(dax);
free_profile:
	destroy_profile();
put_disk:
	put_disk(disk);
free:
	vfree(content);
	vfree(notes);
	return err;
}

static void __exit disk_exit(void)
{
	del_gendisk(disk);
	remove_proc_entry("dmp_test_disk", NULL);
	dax_remove_host(disk);
	kill_dax(dax);
	put_dax(dax);
	put_disk(disk);
	destroy_profile();
	vfree(content);
	vfree(notes);
}

module_init(disk_init);
module_exit(disk_exit);
MODULE_DESCRIPTION("A disk that records the arriving requests, for tests of dmp");
MODULE_LICENSE("GPL");
