// SPDX-License-Identifier: GPL-2.0

#include <linux/fs.h>
#include <linux/kernfs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

/*
 * Returns the seq_file that kernfs makes for each open file, or NULL if the
 * kernel stores open files in another way. The seq_file has no operations if
 * the file is read without them, as binary attributes are. Then nobody uses its
 * buffer, and kernfs frees the buffer with the open file (fs/kernfs/file.c:
 * kernfs_fop_open(), kernfs_fop_release()).
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
