# SPDX-License-Identifier: GPL-2.0
#
# For the Makefile of a module in Rust that uses ioasid.rs of this folder:
#
#     include <ioasid>/rust/ioasid.mk
#     $(obj)/my_driver.o: $(ioasid-rust)
#
# It has bindgen declare what include/linux/ has: no prototype is written by hand. Its names begin
# with ioasid_rust, for it is read beside the rules of others.

ioasid_rust_dir := $(dir $(lastword $(MAKEFILE_LIST)))
ioasid-rust := $(obj)/ioasid_rust_bindings.rs

rustflags-y += --env-set IOASID_RUST_OBJ=$(abspath $(obj))

# The flags that libclang does not know are those of rust/Makefile, taken from there.
$(obj)/.ioasid_rust_bindgen.mk: $(srctree)/rust/Makefile
	$(Q)mkdir -p $(@D)
	$(Q)sed -n '/^ifdef CONFIG_CC_IS_CLANG/,/^bindgen_c_flags_final/p' $< > $@

include $(obj)/.ioasid_rust_bindgen.mk

quiet_cmd_ioasid_rust_bindgen = BINDGEN $@
      cmd_ioasid_rust_bindgen = \
	$(BINDGEN) $< $(shell grep -Ev '^\#|^$$' $(srctree)/rust/bindgen_parameters) \
		--rust-target 1.85 --use-core --with-derive-default --ctypes-prefix ffi \
		--no-layout-tests --no-debug '.*' --enable-function-attribute-detection \
		--no-recursive-allowlist --allowlist-file '.*/ioasid[a-z_]*\.h' \
		-o $@ -- $(bindgen_c_flags_final) -DMODULE -DCONFIG_IOASID_MODULE=1 \
		-I$(ioasid_rust_dir)../include

$(ioasid-rust): $(ioasid_rust_dir)ioasid_rust.h $(ioasid_rust_dir)ioasid.mk FORCE
	$(call if_changed_dep,ioasid_rust_bindgen)

targets += ioasid_rust_bindings.rs
clean-files += ioasid_rust_bindings.rs .ioasid_rust_bindgen.mk
