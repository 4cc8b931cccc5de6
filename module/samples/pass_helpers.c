// SPDX-License-Identifier: GPL-2.0

/* The C functions of the wrappers: each module has its own. */
#include "../wrappers/helpers/helpers.c"
