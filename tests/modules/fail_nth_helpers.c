// SPDX-License-Identifier: GPL-2.0

/* The module's own helpers, for its wrappers. */
#include "../../module/wrappers/helpers/helpers.c"
