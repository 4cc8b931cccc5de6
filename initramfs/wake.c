// SPDX-License-Identifier: GPL-2.0
/*
 * wake SECONDS NANOSECONDS SEED: gives a machine that was resumed from a saved
 * state the present time, and random numbers that differ from those of all
 * other machines resumed from the same state.
 */
#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

/* The seed is hexadecimal digits, each with four unique bits. */
#define BITS_PER_DIGIT	4
#define SEED_DIGITS	64

static void set_clock(const char *seconds, const char *nanoseconds)
{
	struct timespec now = {
		.tv_sec = strtoll(seconds, NULL, 10),
		.tv_nsec = strtol(nanoseconds, NULL, 10),
	};

	if (clock_settime(CLOCK_REALTIME, &now))
		error(1, errno, "set the clock");
}

/*
 * The kernel takes new entropy into its pool at once, but makes new keys of it
 * only now and then. So this asks for new keys.
 */
static void reseed(const char *seed)
{
	struct {
		struct rand_pool_info info;
		char digits[SEED_DIGITS];
	} pool = {
		.info.entropy_count = SEED_DIGITS * BITS_PER_DIGIT,
		.info.buf_size = SEED_DIGITS,
	};
	int random = open("/dev/urandom", O_WRONLY);

	if (strlen(seed) != SEED_DIGITS)
		error(1, 0, "the seed must have %d digits", SEED_DIGITS);
	memcpy(pool.digits, seed, SEED_DIGITS);
	if (random < 0)
		error(1, errno, "/dev/urandom");
	if (ioctl(random, RNDADDENTROPY, &pool))
		error(1, errno, "add entropy");
	if (ioctl(random, RNDRESEEDCRNG))
		error(1, errno, "use the entropy");
}

int main(int argc, char **argv)
{
	if (argc != 4)
		error(1, 0, "usage: wake SECONDS NANOSECONDS SEED");
	set_clock(argv[1], argv[2]);
	reseed(argv[3]);
	return 0;
}
