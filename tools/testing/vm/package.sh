#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Loads the module that the package has built, and unloads it.

# shellcheck source=tools/testing/vm/guest.sh
. /vm/guest.sh

insmod /vm/modules/ioasid.ko || exit 1
loaded ioasid || exit 1
cat /sys/kernel/debug/ioasid/ids
rmmod ioasid
