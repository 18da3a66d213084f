# SPDX-License-Identifier: GPL-2.0
#
# What a person can ask for. Included by the Makefile at the top when kbuild is not the caller.

.DEFAULT_GOAL := help

ioasid_repo := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))..)
ioasid_scripts := $(ioasid_repo)/scripts

# Everything below starts kernel builds of its own: nothing of this make may leak into them.
unexport MAKEFLAGS MFLAGS MAKELEVEL MAKEFILES MAKEOVERRIDES
export IOASID_SERIES UPDATE MINUTES SEED KERNELS FUZZ_SECONDS FUZZ_CALLS FUZZ_SEED FUZZ_WORKERS FUZZ_CPUS FUZZ_KERNEL

.PHONY: help run check check-next torture fuzz coverage bench shell lint htmldocs modules intree series package package-test clean distclean
.NOTPARALLEL:

help:
	@echo 'IOASID: allocates, counts and revokes the PASIDs of I/O address spaces, in Rust.'
	@echo
	@echo '  make run             the module doing its main job on a stock Debian kernel, in QEMU'
	@echo '  make check           all tests: a model of the protocol; KUnit with KASAN, lockdep and'
	@echo '                       kmemleak; the stock kernel; counted instructions'
	@echo '                       (UPDATE=1 also rewrites tools/testing/expected-suites and'
	@echo '                       bench/recorded)'
	@echo '  make check-next      the stock kernel of a later Linux than 7.2: the newest one of the archive,'
	@echo '                       or that of IOASID_SERIES=7.3'
	@echo '  make torture         everything at random and at once, on the sanitizer kernel and on'
	@echo '                       PREEMPT_RT (MINUTES=30, SEED= that of a run to be repeated)'
	@echo '  make coverage        which lines of Rust the tests reach, by file, and which not'
	@echo '  make fuzz            calls at random, guided by coverage, for FUZZ_SECONDS=1800; the seed is'
	@echo '                       printed, FUZZ_SEED=N repeats it'
	@echo '  make shell           a shell on that kernel, with the module and the samples loaded'
	@echo '  make bench           instructions per call, beside the C code of Linux 6.1 and the IDA'
	@echo '  make lint            rustfmt, clippy, checkpatch, kernel-doc, sparse, shellcheck,'
	@echo '                       Sphinx'
	@echo '  make htmldocs        the documentation as web pages, in build/htmldocs/html'
	@echo '  make modules KDIR=D  ioasid.ko for the kernel built in D (7.2 or later, with Rust)'
	@echo '  make intree KDIR=D   adds it to the source of Linux 7.2 in D, as the series in patches/'
	@echo '  make series          applies and builds that series patch by patch'
	@echo '  make package         ioasid-dkms, a Debian package that builds it by DKMS; package-test'
	@echo '                       installs, loads, upgrades and removes it on a Debian of its own'
	@echo '  make clean           removes build/'
	@echo '  make distclean       removes the cache as well: toolchain and kernels'
	@echo
	@echo 'run, check, torture, fuzz, coverage, shell, bench, lint and the like need root, git and apt, on x86_64,'
	@echo 'and nothing else: they make a toolchain of their own in a cache: IOASID_CACHE, or ~/.cache/ioasid.'
	@echo 'The first run downloads about 1 GB and needs about 8 GB of disk; interrupted, it resumes.'

run check check-next torture fuzz coverage shell lint htmldocs package package-test:
	@'$(ioasid_scripts)/$@'

bench:
	@'$(ioasid_scripts)/bench'

modules:
	@'$(ioasid_scripts)/modules' '$(KDIR)'

series:
	@'$(ioasid_scripts)/series-build'

intree:
	@'$(ioasid_scripts)/intree' '$(KDIR)'

clean:
	@rm -rf '$(ioasid_repo)/build' 2>/dev/null || { \
		echo 'error: cannot remove all of $(ioasid_repo)/build: is it of another user?' >&2; \
		echo '       What root has built, root has to remove: sudo make $@' >&2; exit 1; }

distclean: clean
	@'$(ioasid_scripts)/distclean'
