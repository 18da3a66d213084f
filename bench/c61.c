// SPDX-License-Identifier: GPL-2.0
/*
 * The C IOASID of Linux 6.1 as a module. Its source is not part of this repository: bench/run takes
 * it from the distribution's source package. The Makefile renames what it exports to c61_*.
 */
#include <ioasid.c>
