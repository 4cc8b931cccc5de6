// SPDX-License-Identifier: GPL-2.0
/*
 * A target named zero that fails and kills on demand. Device mapper calls it when a
 * table is read, loaded, suspended, resumed and dropped, in the context of the
 * program that asks for that:
 *
 *   kill   the number of the call, counted from 1, whose program is killed; only if
 *          its name is dmpstat; 0: none
 *   fail   the number of resumes that fail
 *   calls  how many calls dmpstat has made since kill was written
 */
#include <linux/bio.h>
#include <linux/device-mapper.h>
#include <linux/module.h>
#include <linux/sched/signal.h>

static atomic_t calls = ATOMIC_INIT(0);
static int kill_at;
static unsigned int fail;
module_param(fail, uint, 0644);

static int set_kill(const char *value, const struct kernel_param *param)
{
	atomic_set(&calls, 0);
	return param_set_int(value, param);
}

static const struct kernel_param_ops kill_ops = {
	.set = set_kill,
	.get = param_get_int,
};
module_param_cb(kill, &kill_ops, &kill_at, 0644);

static int get_calls(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%d\n", atomic_read(&calls));
}

static const struct kernel_param_ops calls_ops = {
	.get = get_calls,
};
module_param_cb(calls, &calls_ops, NULL, 0444);

static void step(void)
{
	if (strcmp(current->comm, "dmpstat"))
		return;
	if (atomic_inc_return(&calls) == READ_ONCE(kill_at)) {
		WRITE_ONCE(kill_at, 0);
		send_sig(SIGKILL, current, 1);
	}
}

static int steps_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	step();
	return 0;
}

static void steps_dtr(struct dm_target *ti)
{
	step();
}

static int steps_map(struct dm_target *ti, struct bio *bio)
{
	if (bio_op(bio) == REQ_OP_READ)
		zero_fill_bio(bio);
	bio_endio(bio);
	return DM_MAPIO_SUBMITTED;
}

static void steps_presuspend(struct dm_target *ti)
{
	step();
}

static void steps_postsuspend(struct dm_target *ti)
{
	step();
}

static int steps_preresume(struct dm_target *ti)
{
	step();
	if (!fail)
		return 0;
	fail--;
	return -EIO;
}

static void steps_resume(struct dm_target *ti)
{
	step();
}

static void steps_status(struct dm_target *ti, status_type_t type, unsigned int flags,
			 char *result, unsigned int maxlen)
{
	step();
	if (maxlen)
		*result = 0;
}

static struct target_type steps_target = {
	.name = "zero",
	.version = { 1, 0, 0 },
	.module = THIS_MODULE,
	.ctr = steps_ctr,
	.dtr = steps_dtr,
	.map = steps_map,
	.presuspend = steps_presuspend,
	.postsuspend = steps_postsuspend,
	.preresume = steps_preresume,
	.resume = steps_resume,
	.status = steps_status,
};
module_dm(steps);

MODULE_DESCRIPTION("A target that fails and kills, for tests");
MODULE_LICENSE("GPL");
