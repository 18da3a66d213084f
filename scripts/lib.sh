# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Common part of all scripts: messages, the cache, and the step into the toolchain root.
#
# Every script runs in two places. On the host it only makes sure that the toolchain root is there
# and then starts itself again inside it, where the repository is /ioasid and the cache is /cache.
# What a script does after "enter_root" is done inside, with Debian 13's tools, whatever the host.

set -Eeuo pipefail

self=$(basename "$0")
# What was started may end well all the same (QEMU does): then what follows would still run.
trap 'exit 130' INT
trap 'exit 143' TERM
# Nothing fails without a word.
trap 'printf "%s\n" "error: $self, line $LINENO: exit $? from: $BASH_COMMAND" >&2' ERR

# ---------------------------------------------------------------------------------------- messages

if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
	bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' normal=$'\e[0m'
else
	bold='' dim='' red='' green='' yellow='' normal=''
fi
export bold dim red green yellow normal

# Says what is being done. Goes to standard error where standard output is the result.
say() { printf '%s\n' "${dim}--${normal} $*" >&2; }
warn() { printf '%s\n' "${yellow}warning:${normal} $*" >&2; }
die() {
	printf '%s\n' "${red}error:${normal} $1" >&2
	shift
	local line
	for line in "$@"; do printf '       %s\n' "$line" >&2; done
	exit 1
}

# A size in bytes or a time in seconds, for people.
human() {
	if (($1 >= 1000000000)); then
		printf '%d.%d GB' $(($1 / 1000000000)) $(($1 / 100000000 % 10))
	else
		printf '%d MB' $(($1 / 1000000))
	fi
}
clock() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# One line that is updated in place on a terminal, and printed every 15 seconds elsewhere.
progress_last=0
progress() {
	if [[ -t 2 ]]; then
		printf '\r\e[K%s' "${dim}--${normal} $*" >&2
	elif ((SECONDS - progress_last >= 15)); then
		progress_last=$SECONDS
		say "$*"
	fi
}
progress_end() { if [[ -t 2 ]]; then printf '\r\e[K' >&2; fi; }

# while_growing TITLE PATH TOTAL-BYTES COMMAND...
# Runs the command, its output into the log, and tells how much of the expected size is on disk.
while_growing() {
	local title=$1 path=$2 total=$3 size pct pid rc=0 start=$SECONDS
	shift 3
	# A process group of its own: the shell has what it puts into the background ignore Ctrl-C,
	# and what goes on after that would hold the lock.
	set -m
	"$@" >>"$log" 2>&1 </dev/null &
	pid=$!
	set +m
	trap 'kill -TERM -- "-$pid" 2>/dev/null; exit 130' INT
	trap 'kill -TERM -- "-$pid" 2>/dev/null; exit 143' TERM
	progress_last=$SECONDS
	while kill -0 "$pid" 2>/dev/null; do
		size=$(du -sB1 --one-file-system "$path" 2>/dev/null | cut -f1) || true
		size=${size:-0}
		pct=$((total > 0 ? size * 100 / total : 0))
		((pct > 99)) && pct=99
		progress "$title: $pct % ($(human "$size") of $(human "$total"))"
		sleep 1
	done
	wait "$pid" || rc=$?
	trap 'exit 130' INT
	trap 'exit 143' TERM
	progress_end
	if ((rc)); then
		tail -n 15 "$log" >&2
		die "$title failed (exit $rc)" "full log: $(outside "$log")"
	fi
	say "$title: done in $(clock $((SECONDS - start)))"
}

# ------------------------------------------------------------------------------------------- places

if [[ -n ${IOASID_IN_ROOT:-} ]]; then
	repo=/ioasid
	cache=/cache
else
	repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
	cache=${IOASID_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/ioasid}
	[[ $cache = /* ]] || cache=$PWD/$cache
fi
# shellcheck disable=SC2034  # used by the scripts that read this file
root=$cache/root
log=$cache/log/$self.log

# The path that the person outside knows for one inside the root.
outside() {
	local p=$1
	p=${p/#\/ioasid/${IOASID_HOST_REPO:-/ioasid}}
	printf '%s' "${p/#\/cache/${IOASID_HOST_CACHE:-/cache}}"
}

# with_lock NAME: hold a lock until the script ends; says so when it has to wait.
with_lock() {
	local fd
	mkdir -p "$cache/lock"
	exec {fd}>"$cache/lock/$1"
	if ! flock -n "$fd"; then
		say "waiting for another run that works on: $1"
		flock "$fd"
	fi
	lock_fd=$fd
}
unlock() { exec {lock_fd}>&-; }

# need_disk PATH BYTES WHAT: refuses to start what would fill the disk.
need_disk() {
	local free
	free=$(df -PB1 "$1" | awk 'NR == 2 { print $4 }')
	((free >= $2)) || die "not enough disk for $3 in $(outside "$1")" \
		"It needs $(human "$2"), $(human "$free") are free." \
		"Set IOASID_CACHE to a folder on a larger disk."
}

# ----------------------------------------------------------------------------------- the toolchain

# Starts the calling script again inside the toolchain root; makes the root first where needed.
enter_root() {
	[[ -z ${IOASID_IN_ROOT:-} ]] || return 0
	"$repo/scripts/setup-root" || exit 1
	exec "$repo/scripts/in-root" "/ioasid/scripts/$self" "$@"
}
