// SPDX-License-Identifier: GPL-2.0

#include <linux/rcupdate.h>
#include <linux/version.h>

/* For wrappers/compat/rcu.rs, which other kernels do not need. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 3, 0)
void dmp_rcu_read_lock(void)
{
	rcu_read_lock();
}

void dmp_rcu_read_unlock(void)
{
	rcu_read_unlock();
}
#endif
