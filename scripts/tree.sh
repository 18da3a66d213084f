# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# For setup-stock and setup-rt, after lib.sh.

# make_tree PLACE RELEASE HEADERS SOURCE: a tree in PLACE/build to build modules for a stock kernel,
# with the Rust metadata that its header package lacks, made from its source.
make_tree() {
	local final=$1 release=$2 headers=$3 src=$4 build=$1/build gcc args make
	mkdir "$build"
	cp "$headers/.config" "$build/.config"
	gcc=$(sed -n 's/^CONFIG_CC_VERSION_TEXT="\([^ "]*\).*/\1/p' "$build/.config")
	echo ARCH=x86 CROSS_COMPILE=x86_64-linux-gnu- "CC=${gcc:-x86_64-linux-gnu-gcc-14}" \
		"KERNELRELEASE=$release" >"$final/make-args"
	read -ra args <"$final/make-args"
	make=(make -C "$src" O="$build" "${args[@]}")
	"${make[@]}" olddefconfig >>"$log" 2>&1 ||
		die "olddefconfig failed" "full log: $(outside "$log")"
	if ! grep -q '^CONFIG_RUST=y' "$build/.config"; then
		rustc --version >&2
		die "the toolchain root cannot build Rust for $release (CONFIG_RUST went away)" \
			"The archive's rustc did not build this kernel. full log: $(outside "$log")"
	fi
	local steps=$cache/log/$self-prepare.log
	"$repo/scripts/progress" "kernel $release: Rust metadata" "$steps" 790 \
		"${make[@]}" -j"$(nproc)" modules_prepare || {
		tail -n 15 "$steps" >&2
		die "modules_prepare failed" "full log: $(outside "$steps")"
	}
	cp "$headers/Module.symvers" "$build/Module.symvers"
	# Debian's vmlinux in the headers holds nothing but BTF, for the modules' own.
	[[ ! -e $headers/vmlinux ]] || cp "$headers/vmlinux" "$build/vmlinux"
}
