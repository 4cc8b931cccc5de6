// SPDX-License-Identifier: GPL-2.0
/*
 * Sends a block device requests that user space cannot send. A question is written to
 * /proc/dmp_test_ask, and the answer is read there:
 *
 *   limits DEVICE              its struct queue_limits, and its modes of encryption
 *   write DEVICE SECTOR KEY    writes 4 KiB of zeros, encrypted with a key of KEY bytes
 *   read DEVICE SECTOR KEY     the first and the last byte of the decrypted data there
 *   evict DEVICE KEY           forgets the key
 *   dax DEVICE PAGE            direct access, zeroing and a recovery write
 *   reserve DEVICE             registers, reserves and releases
 */
#include <linux/blk-crypto-profile.h>
#include <linux/blk-crypto.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/dax.h>
#include <linux/module.h>
#include <linux/pr.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/version.h>
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#include <linux/pfn_t.h>
#endif

#define UNIT 4096

static char *answer;
static size_t answered;
static DEFINE_MUTEX(asking);

static __printf(1, 2) void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	answered += vscnprintf(answer + answered, PAGE_SIZE - answered, format, args);
	va_end(args);
}

static int ask_limits(struct block_device *bdev)
{
	const struct queue_limits *limits = &bdev_get_queue(bdev)->limits;
	const struct blk_crypto_profile *profile = bdev_get_queue(bdev)->crypto_profile;
	unsigned int i;

	for (i = 0; i < sizeof(*limits); i += 4)
		say("%u: %08x\n", i, *(const u32 *)((const u8 *)limits + i));
	if (!profile)
		return 0;
	say("number bytes: %u\n", profile->max_dun_bytes_supported);
	for (i = 0; i < BLK_ENCRYPTION_MODE_MAX; i++)
		say("mode %u: %u\n", i, profile->modes_supported[i]);
	return 0;
}

/* Only newer kernels export their own functions for keys. */
static void make_key(struct blk_crypto_key *key, unsigned int byte)
{
	memset(key, 0, sizeof(*key));
	key->crypto_cfg.crypto_mode = BLK_ENCRYPTION_MODE_AES_256_XTS;
	key->crypto_cfg.data_unit_size = UNIT;
	key->crypto_cfg.dun_bytes = 8;
	key->data_unit_size_bits = ilog2(UNIT);
	key->size = 64;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
	memset(key->raw, byte, 64);
#else
	key->crypto_cfg.key_type = BLK_CRYPTO_KEY_TYPE_RAW;
	memset(key->bytes, byte, 64);
#endif
#ifdef BLK_CRYPTO_CFG_ALLOW_HW
	key->crypto_cfg.flags = BLK_CRYPTO_CFG_ALLOW_HW;
#endif
}

static void completed(struct bio *bio)
{
	complete(bio->bi_private);
}

static int ask_encrypted(struct block_device *bdev, bool write, u64 sector, unsigned int byte)
{
	struct bio_crypt_ctx crypt = {};
	struct blk_crypto_key key;
	DECLARE_COMPLETION_ONSTACK(done);
	struct bio *bio;
	u8 *page;

	/* The key is not prepared for the kernel's own encryption. */
	if (!bdev_get_queue(bdev)->crypto_profile)
		return -EOPNOTSUPP;
	page = (u8 *)get_zeroed_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	make_key(&key, byte);
	crypt.bc_key = &key;
	crypt.bc_dun[0] = 77;
	bio = bio_alloc(bdev, 1, (write ? REQ_OP_WRITE : REQ_OP_READ) | REQ_SYNC, GFP_KERNEL);
	bio->bi_iter.bi_sector = sector;
	bio->bi_crypt_context = &crypt;
	bio->bi_end_io = completed;
	bio->bi_private = &done;
	__bio_add_page(bio, virt_to_page(page), UNIT, 0);
	submit_bio(bio);
	wait_for_completion_io(&done);
	/* bio_put would free the context, which is on the stack. */
	bio->bi_crypt_context = NULL;
	say("%d %02x %02x\n", blk_status_to_errno(bio->bi_status), page[0], page[UNIT - 1]);
	bio_put(bio);
	free_page((unsigned long)page);
	return 0;
}

static int ask_evict(struct block_device *bdev, unsigned int byte)
{
	struct blk_crypto_key key;

	if (!bdev_get_queue(bdev)->crypto_profile)
		return -EOPNOTSUPP;
	make_key(&key, byte);
	blk_crypto_evict_key(bdev, &key);
	return 0;
}

static int ask_dax(struct block_device *bdev, u64 page)
{
	char bytes[64] = "";
	struct kvec vec = { .iov_base = bytes, .iov_len = sizeof(bytes) };
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
	pfn_t pfn;
#else
	unsigned long pfn;
#endif
	struct dax_device *dax;
	struct iov_iter from;
	void *address;
	u64 start;
	int id;

	dax = fs_dax_get_by_bdev(bdev, &start, NULL, NULL);
	if (!dax)
		return -EOPNOTSUPP;
	page += start >> PAGE_SHIFT;
	id = dax_read_lock();
	say("access %ld\n", dax_direct_access(dax, page, 3, DAX_ACCESS, &address, &pfn));
	say("access to repair %ld\n",
	    dax_direct_access(dax, page, 1, DAX_RECOVERY_WRITE, &address, NULL));
	say("zero %d\n", dax_zero_page_range(dax, page, 1));
	iov_iter_kvec(&from, ITER_SOURCE, &vec, 1, sizeof(bytes));
	say("recovery %zu\n", dax_recovery_write(dax, page, address, sizeof(bytes), &from));
	dax_read_unlock(id);
	fs_put_dax(dax, NULL);
	return 0;
}

static int ask_reserve(struct block_device *bdev)
{
	const struct pr_ops *ops = bdev->bd_disk->fops->pr_ops;

	if (!ops)
		return -EOPNOTSUPP;
	say("register %d\n", ops->pr_register(bdev, 0, 0xabc, 0));
	say("reserve %d\n", ops->pr_reserve(bdev, 0xabc, PR_EXCLUSIVE_ACCESS, 0));
	say("release %d\n", ops->pr_release(bdev, 0xabc, PR_EXCLUSIVE_ACCESS));
	return 0;
}

static int ask(char *question)
{
	char what[16], path[100];
	unsigned long long where = 0;
	unsigned int byte = 0;
	struct file *file;
	int err;

	/* "evict DEVICE KEY" has no sector, so its key is in the sector's place. */
	if (sscanf(question, "%15s %99s %llu %u", what, path, &where, &byte) < 2)
		return -EINVAL;
	file = bdev_file_open_by_path(path, BLK_OPEN_READ | BLK_OPEN_WRITE, NULL, NULL);
	if (IS_ERR(file))
		return PTR_ERR(file);
	if (!strcmp(what, "limits"))
		err = ask_limits(file_bdev(file));
	else if (!strcmp(what, "write") || !strcmp(what, "read"))
		err = ask_encrypted(file_bdev(file), what[0] == 'w', where, byte);
	else if (!strcmp(what, "evict"))
		err = ask_evict(file_bdev(file), where);
	else if (!strcmp(what, "dax"))
		err = ask_dax(file_bdev(file), where);
	else if (!strcmp(what, "reserve"))
		err = ask_reserve(file_bdev(file));
	else
		err = -EINVAL;
	fput(file);
	return err;
}

static ssize_t ask_write(struct file *file, const char __user *text, size_t count, loff_t *pos)
{
	char question[128];
	int err;

	if (count >= sizeof(question))
		return -EINVAL;
	if (copy_from_user(question, text, count))
		return -EFAULT;
	question[count] = 0;
	mutex_lock(&asking);
	answered = 0;
	err = ask(question);
	mutex_unlock(&asking);
	return err ? err : count;
}

static ssize_t ask_read(struct file *file, char __user *text, size_t count, loff_t *pos)
{
	ssize_t read;

	mutex_lock(&asking);
	read = simple_read_from_buffer(text, count, pos, answer, answered);
	mutex_unlock(&asking);
	return read;
}

static const struct proc_ops ask_ops = {
	.proc_read = ask_read,
	.proc_write = ask_write,
};

static int __init ask_init(void)
{
	answer = (char *)get_zeroed_page(GFP_KERNEL);
	if (!answer)
		return -ENOMEM;
	if (proc_create("dmp_test_ask", 0600, NULL, &ask_ops))
		return 0;
	free_page((unsigned long)answer);
	return -ENOMEM;
}

static void __exit ask_exit(void)
{
	remove_proc_entry("dmp_test_ask", NULL);
	free_page((unsigned long)answer);
}

module_init(ask_init);
module_exit(ask_exit);
MODULE_DESCRIPTION("Sends block devices requests that no program can send");
MODULE_LICENSE("GPL");
