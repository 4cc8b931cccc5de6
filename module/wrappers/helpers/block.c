// SPDX-License-Identifier: GPL-2.0

#include <linux/blkdev.h>

sector_t dmp_bdev_nr_sectors(struct block_device *bdev)
{
	return bdev_nr_sectors(bdev);
}

dev_t dmp_bdev_devt(struct block_device *bdev)
{
	return bdev->bd_dev;
}

sector_t dmp_get_start_sect(struct block_device *bdev)
{
	return get_start_sect(bdev);
}
