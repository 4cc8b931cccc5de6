/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The input of the module's bindgen run; bindgen_parameters selects from it.
 */

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/dax.h>
#include <linux/device-mapper.h>
#include <linux/dm-ioctl.h>
#include <linux/kobject.h>
#include <linux/ktime.h>
#include <linux/percpu.h>
#include <linux/pvclock_gtod.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/sysfs.h>
#include <linux/timekeeping.h>

#include "helpers/helpers.h"

/* A macro with a cast, which bindgen cannot bind. */
enum { DMP_BLK_STS_AGAIN = (__force u8)BLK_STS_AGAIN };

/* Constants that older kernels lack. */
#ifndef DM_TARGET_ATOMIC_WRITES
#define DM_TARGET_ATOMIC_WRITES 0
#endif
