// SPDX-License-Identifier: GPL-2.0

#include <linux/preempt.h>

/* The place where wrappers/preempt.rs expects the count, and its highest bit. */
#ifdef DMP_PCPU_HOT
static_assert(offsetof(struct pcpu_hot, preempt_count) == 8);
#endif
#if defined(CONFIG_X86_64) && defined(CONFIG_HAS_SEPARATE_PREEMPT_RESCHED_BITS)
static_assert(PREEMPT_NEED_RESCHED == 1UL << 63);
#elif defined(CONFIG_X86_64)
static_assert(PREEMPT_NEED_RESCHED == 1UL << 31);
#endif

void dmp_preempt_disable(void)
{
	preempt_disable_notrace();
}

void dmp_preempt_enable(void)
{
	preempt_enable_notrace();
}
