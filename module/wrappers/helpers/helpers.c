// SPDX-License-Identifier: GPL-2.0

/* C functions for the wrappers, one file for each subsystem. */

/* Cannot be built into the kernel, which compiles its own Rust code without bindings.h. */
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
