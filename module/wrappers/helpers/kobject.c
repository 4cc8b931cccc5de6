// SPDX-License-Identifier: GPL-2.0

#include <linux/completion.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/slab.h>

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
		pr_err("dmp: does not fit this kernel: struct dm_kobject_holder differs\n");
	return released ? 0 : -EINVAL;
}

void dmp_init_completion(struct completion *done)
{
	init_completion(done);
}

struct kobject *dmp_module_kobject(struct module *module)
{
	return &module->mkobj.kobj;
}
