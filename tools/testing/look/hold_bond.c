// SPDX-License-Identifier: GPL-2.0
/*
 * Binds its memory to the device of ioasid_dma.ko and waits, to be looked at: hold_bond DEVICE.
 * Prints its PASID.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../../samples/ioasid_dma.h"

int main(int argc, char **argv)
{
	struct ioasid_dma_bind bind = { 0 };
	int device = open(argc > 1 ? argv[1] : "/dev/ioasid_dma0", O_RDWR);

	if (device < 0 || ioctl(device, IOASID_DMA_BIND, &bind)) {
		fprintf(stderr, "hold_bond: %s\n", strerror(errno));
		return 1;
	}
	printf("%u\n", bind.pasid);
	fflush(stdout);
	pause();
	return 0;
}
