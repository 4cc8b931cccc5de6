// SPDX-License-Identifier: GPL-2.0

/* The very same, for the wrappers. */
#include "../../module/helpers.c"
