// SPDX-License-Identifier: GPL-2.0

#include <linux/blkdev.h>
#include <linux/device-mapper.h>

static const struct dmp_target_type *dmp_target_type(const struct dm_target *ti)
{
	return container_of_const(ti->type, struct dmp_target_type, type);
}

void dmp_target_status(struct dm_target *ti, status_type_t kind, unsigned int flags,
		       char *result, unsigned int maxlen)
{
	dmp_target_type(ti)->status(ti, kind, flags, result, maxlen);
}

long dmp_target_direct_access(struct dm_target *ti, pgoff_t page, long count,
			      enum dax_access_mode mode, void **address, dmp_pfn *pfn)
{
	return dmp_target_type(ti)->direct_access(ti, page, count, mode, address, pfn);
}

dev_t dmp_md_devt(struct mapped_device *md)
{
	return disk_devt(dm_disk(md));
}

u64 dmp_md_diskseq(struct mapped_device *md)
{
	return dm_disk(md)->diskseq;
}

const char *dmp_md_disk_name(struct mapped_device *md)
{
	return dm_disk(md)->disk_name;
}
