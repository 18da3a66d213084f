/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The last test of a program, to be included at its end: what no single one can see.
 */
#ifndef _DMA_TOTALS_H
#define _DMA_TOTALS_H

#include "dma.h"

static void print_counters(unsigned int number)
{
	static const char * const names[] = {
		"jobs", "DMA operations", "bytes read", "bytes written", "translations",
		"cache hits", "page requests", "page responses", "invalidations",
		"translations dropped", "faults", "cancelled", "refused", "orphans",
	};
	struct ioasid_dma_counters counters;
	int fd = open_device(number);
	size_t i;

	if (fd < 0)
		return;
	if (!ioctl(fd, IOASID_DMA_COUNTERS, &counters)) {
		printf("# dma%u:", number);
		for (i = 0; i < DMA_REG_COUNTERS; i++)
			printf("%s %llu %s", i ? "," : "", (unsigned long long)counters.values[i],
			       names[i]);
		printf("\n");
	}
	close(fd);
}

FIXTURE(totals) {
	int fd;
};

FIXTURE_SETUP(totals)
{
	self->fd = open_device(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(totals)
{
	close(self->fd);
}

TEST_F(totals, nothing_lost)
{
	print_counters(0);
	print_counters(1);
	printf("# bytes verified %llu, lost %llu, misdirected %llu\n", totals->verified,
	       totals->lost, totals->misdirected);
	EXPECT_LT(0, totals->verified);
	EXPECT_EQ(0, totals->lost);
	EXPECT_EQ(0, totals->misdirected);
	EXPECT_EQ(0, counter(self->fd, DMA_REG_ORPHANS));
	EXPECT_EQ(counter(self->fd, DMA_REG_PAGE_REQUESTS),
		  counter(self->fd, DMA_REG_PAGE_RESPONSES));
}

#endif /* _DMA_TOTALS_H */
