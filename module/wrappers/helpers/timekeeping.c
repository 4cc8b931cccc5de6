// SPDX-License-Identifier: GPL-2.0

#include <linux/timekeeper_internal.h>

/*
 * Reads the last update of timekeeping, for wrappers/tsc.rs. A processor
 * without RDTSCP has no short way to read the TSC in program order, so for it
 * this reports that another clock keeps the time.
 */
void dmp_read_timekeeper(const struct timekeeper *timekeeper, struct dmp_timekeeping *reading)
{
	const struct tk_read_base *base = &timekeeper->tkr_mono;

	reading->cycles = base->cycle_last;
	reading->ns = ktime_to_ns(base->base) + (base->xtime_nsec >> base->shift);
	reading->mult = base->mult;
	reading->shift = base->shift;
#ifdef CONFIG_X86_64
	reading->by_tsc = (base->clock->id == CSID_X86_TSC ||
			   base->clock->id == CSID_X86_TSC_EARLY) &&
			  boot_cpu_has(X86_FEATURE_RDTSCP);
#else
	reading->by_tsc = false;
#endif
}
