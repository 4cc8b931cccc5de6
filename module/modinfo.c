// SPDX-License-Identifier: GPL-2.0

#include <linux/module.h>

/* The macro module! has no words for these, or other words on other kernels. */
MODULE_AUTHOR("The dmp authors");
MODULE_VERSION(__stringify(DMP_VERSION));
