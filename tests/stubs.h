/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOASID_TESTS_STUBS_H
#define IOASID_TESTS_STUBS_H

struct kunit;

void compat_stubs_report_failure(struct kunit *test);

#endif /* IOASID_TESTS_STUBS_H */
