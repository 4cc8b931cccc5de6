// SPDX-License-Identifier: GPL-2.0

/* C functions for the wrappers, one file for each subsystem. */

/* The wrappers cannot be in the kernel image, whose Rust code is compiled without bindings.h. */
#ifndef MODULE
#error "dmp can only be a module: obj-m"
#endif

#include "helpers.h"

#include "block.c"
#include "device_mapper.c"
#include "kobject.c"
#include "memalloc.c"
#include "percpu.c"
#include "preempt.c"
#include "rcu.c"
#include "sched.c"
#include "sysfs.c"
#include "timekeeping.c"
