// SPDX-License-Identifier: GPL-2.0
/* The code of the tracepoints, which only C can have. */
#define CREATE_TRACE_POINTS
#define CREATE_RUST_TRACE_POINTS
#include "ioasid_events.h"
