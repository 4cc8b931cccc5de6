// SPDX-License-Identifier: GPL-2.0
/*
 * Holds a part of sysfs for `seconds` from its load on.
 *
 * Without `file` it holds the lock of all of sysfs for reading, like a program that
 * searches large directories. During that time nothing can be created or removed in
 * sysfs; and once a task waits for that, no task can look anything up.
 *
 * With `file`, a path below /sys, it holds that file, like a program in the midst of a
 * read. During that time the file's directory cannot be removed.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/idr.h>
#include <linux/kernfs.h>
#include <linux/kobject.h>
#include <linux/kthread.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/rwsem.h>
#include <linux/string.h>
#include <linux/version.h>
#include <linux/wait.h>

static unsigned int seconds = 5;
module_param(seconds, uint, 0444);

static char *file;
module_param(file, charp, 0444);

/* The begin of struct kernfs_root, of fs/kernfs/kernfs-internal.h. */
struct root {
	struct kernfs_node *kn;
	unsigned int flags;
	struct idr ino_idr;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
	spinlock_t kernfs_idr_lock;
#endif
	u32 last_id_lowbits;
	u32 id_highbits;
	struct kernfs_syscall_ops *syscall_ops;
	struct list_head supers;
	wait_queue_head_t deactivate_waitq;
	struct rw_semaphore kernfs_rwsem;
};

/* The kernel adds this to a removed node's count of readers: KN_DEACTIVATED_BIAS, there. */
#define DEACTIVATED (INT_MIN + 1)

static struct root *root;
static struct kernfs_node *node;
static struct task_struct *holder;
static DECLARE_COMPLETION(held);

/* Returns the node of this path, with a reference. */
static struct kernfs_node *find(char *path)
{
	struct kernfs_node *kn = root->kn;
	char *name;

	kernfs_get(kn);
	while (kn && (name = strsep(&path, "/"))) {
		struct kernfs_node *child = kernfs_find_and_get(kn, name);

		kernfs_put(kn);
		kn = child;
	}
	return kn;
}

static void hold_it(void)
{
	if (node)
		atomic_inc(&node->active);
	else
		down_read(&root->kernfs_rwsem);
}

static void let_go(void)
{
	if (!node)
		up_read(&root->kernfs_rwsem);
	else if (atomic_dec_return(&node->active) == DEACTIVATED)
		wake_up_all(&root->deactivate_waitq);
}

static int hold(void *unused)
{
	unsigned int tenths = 0;

	hold_it();
	complete(&held);
	while (!kthread_should_stop() && tenths++ < 10 * seconds)
		msleep(100);
	let_go();
	while (!kthread_should_stop())
		msleep(100);
	return 0;
}

static int __init hold_init(void)
{
	root = (struct root *)kernel_kobj->sd->dir.root;
	if (root->kn->dir.root != (struct kernfs_root *)root ||
	    root->deactivate_waitq.head.prev == NULL)
		return -EINVAL;
	if (file) {
		node = find(file);
		if (!node)
			return -ENOENT;
	}
	holder = kthread_run(hold, NULL, "dmp_test_hold");
	if (IS_ERR(holder)) {
		kernfs_put(node);
		return PTR_ERR(holder);
	}
	wait_for_completion(&held);
	return 0;
}

static void __exit hold_exit(void)
{
	kthread_stop(holder);
	kernfs_put(node);
}

module_init(hold_init);
module_exit(hold_exit);
MODULE_DESCRIPTION("Holds sysfs's lock or a file of it, for tests");
MODULE_LICENSE("GPL");
