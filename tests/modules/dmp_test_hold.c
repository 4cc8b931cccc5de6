// SPDX-License-Identifier: GPL-2.0
/*
 * Holds the lock of all of sysfs for reading, for so many seconds from its load on, as whoever looks
 * through large directories does. Meanwhile nothing can be made or removed there; and once somebody
 * waits to, nobody can look anything up.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/idr.h>
#include <linux/kernfs.h>
#include <linux/kobject.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/rwsem.h>
#include <linux/version.h>
#include <linux/wait.h>

static unsigned int seconds = 5;
module_param(seconds, uint, 0444);

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

static struct root *root;
static struct task_struct *holder;
static DECLARE_COMPLETION(held);

static int hold(void *unused)
{
	unsigned int tenths = 0;

	down_read(&root->kernfs_rwsem);
	complete(&held);
	while (!kthread_should_stop() && tenths++ < 10 * seconds)
		msleep(100);
	up_read(&root->kernfs_rwsem);
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
	holder = kthread_run(hold, NULL, "dmp_test_hold");
	if (IS_ERR(holder))
		return PTR_ERR(holder);
	wait_for_completion(&held);
	return 0;
}

static void __exit hold_exit(void)
{
	kthread_stop(holder);
}

module_init(hold_init);
module_exit(hold_exit);
MODULE_DESCRIPTION("Holds sysfs's lock, for tests");
MODULE_LICENSE("GPL");
