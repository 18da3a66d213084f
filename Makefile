# SPDX-License-Identifier: GPL-2.0
#
# One file for three callers: the kernel tree (drivers/iommu/ioasid/), "make -C KDIR M=$PWD",
# and a developer ("make help").

# Not KERNELRELEASE: "make clean" in a kernel tree that is not configured has none.
ifneq ($(srctree),)

ifneq ($(KBUILD_EXTMOD),)
# Kconfig is not read for an external module.
CONFIG_IOASID := m
ifeq ($(CONFIG_KUNIT),y)
CONFIG_IOASID_KUNIT_TEST ?= y
endif
ccflags-y += -DCONFIG_IOASID_MODULE=1
rustflags-y += --cfg CONFIG_IOASID
ioasid-test-$(CONFIG_IOASID_KUNIT_TEST) := -DCONFIG_IOASID_KUNIT_TEST=1
ccflags-y += $(ioasid-test-y)
rustflags-$(CONFIG_IOASID_KUNIT_TEST) += --cfg CONFIG_IOASID_KUNIT_TEST
endif

obj-$(CONFIG_IOASID) += ioasid.o
ioasid-y := ioasid_rs.o ioasid_exports.o ioasid_helpers.o
ioasid-$(CONFIG_TRACEPOINTS) += ioasid_events.o
# define_trace.h includes the header anew, by its name.
CFLAGS_ioasid_events.o := -I$(src)

# From the environment, for "make coverage".
ifneq ($(IOASID_COVERAGE),)
ioasid-y += tools/testing/coverage/thunk.o
rustflags-y += -Cdebuginfo=1 $(filter-out %-trace-compares,$(RUSTFLAGS_KCOV))
# Each block for itself: a line must not count by another one that it leads to.
rustflags-y += -Cllvm-args=-sanitizer-coverage-prune-blocks=false
# Nor are the checks of the sanitizer lines that a test should reach.
KASAN_SANITIZE_ioasid_rs.o := n
endif

ifeq ($(KBUILD_EXTMOD),)
ioasid-y += ioasid_start.o
ioasid-$(CONFIG_IOASID_KUNIT_TEST) += ioasid_start_test.o
obj-$(CONFIG_IOASID_FUZZ_TEST) += tools/testing/fuzz/
obj-$(CONFIG_IOASID_TORTURE_TEST) += tools/testing/torture/
endif

ccflags-y += -I$(src) -I$(src)/include
rustflags-y += --env-set IOASID_OBJ=$(abspath $(obj))

# Private bindings: what of our own headers and of the kernel's the kernel crate does not bind.
# The flags that libclang does not know are those of rust/Makefile, taken from there.
$(obj)/.ioasid_bindgen.mk: $(srctree)/rust/Makefile
	$(Q)mkdir -p $(@D)
	$(Q)sed -n '/^ifdef CONFIG_CC_IS_CLANG/,/^bindgen_c_flags_final/p' $< > $@

include $(obj)/.ioasid_bindgen.mk

ioasid_bindgen_items := ioasid_.* | io_mm_ops | INVALID_IOASID

quiet_cmd_ioasid_bindgen = BINDGEN $@
      cmd_ioasid_bindgen = \
	$(BINDGEN) $< $(shell grep -Ev '^\#|^$$' $(srctree)/rust/bindgen_parameters) \
		--rust-target 1.85 --use-core --with-derive-default --ctypes-prefix ffi \
		--no-layout-tests --no-debug '.*' --enable-function-attribute-detection \
		--no-recursive-allowlist --allowlist-file '.*/ioasid[a-z_]*\.h' \
		-o $@ -- $(bindgen_c_flags_final) $(ioasid-test-y) $(if $(KBUILD_EXTMOD),-DMODULE)

$(obj)/ioasid_bindings.rs: $(src)/ioasid_bindings.h $(src)/Makefile FORCE
	$(call if_changed_dep,ioasid_bindgen)

targets += ioasid_bindings.rs
$(obj)/ioasid_rs.o: $(obj)/ioasid_bindings.rs
clean-files := ioasid_bindings.rs .ioasid_bindgen.mk

else

include $(dir $(lastword $(MAKEFILE_LIST)))scripts/targets.mk

endif
