#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The IOASIDs of a machine that has crashed, as its debugfs would have shown them.

It reads a memory dump (of kdump or QEMU), or with nothing named /proc/kcore, by drgn
(https://drgn.readthedocs.io, 0.0.31 or later). It needs the ioasid.ko that was loaded, as it was
built: with debug information, not stripped. Debug information of the kernel is not needed.
"""

import argparse
import struct
import sys

import drgn
from drgn import Object, container_of
from drgn.helpers.linux.rbtree import rbtree_inorder_for_each

IDS = (
    "   ioasid  state     refs     set        spid  allocator       pid  comm             "
    "      age  bound     holders"
)
SETS = (
    "      set  type    state     quota      use     peak  failures    spids     refs"
    "       pid  comm                   age"
)

INVALID = 0xFFFFFFFF
PROVIDERS = {0: "default", INVALID: "kernel", INVALID - 1: "host"}

# state.rs: the word of an ID or a set.
COUNT = (1 << 32) - 1
OWNER, PENDING, SPID, BUSY, BOND = (1 << bit for bit in (32, 33, 35, 36, 39))
# kapi/age.rs: units of 128 jiffies, modulo 2^30.
AGE_SHIFT, AGE_MASK = 7, (1 << 30) - 1
# entry.rs, set.rs
MAKER_GONE = 1 << 31
HANDLE_MARK, HANDLE_BITS = 0x5E7 << 52, 20


class Elf:
    """The sections and symbols of a module's file."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        if self.data[:6] != b"\x7fELF\x02\x01":
            sys.exit(f"{path} is no module of a 64-bit little-endian kernel")
        at, = struct.unpack_from("<Q", self.data, 0x28)
        size, count, names = struct.unpack_from("<HHH", self.data, 0x3A)
        headers = [struct.unpack_from("<IIQQQQIIQQ", self.data, at + n * size) for n in range(count)]
        self.names = [self.text(headers[names][4] + header[0]) for header in headers]
        self.headers = headers

    def text(self, at):
        return self.data[at:self.data.index(b"\0", at)].decode()

    def symbols(self):
        """Name, section and offset of each symbol whose name is given once."""
        found = {}
        for header in self.headers:
            if header[1] != 2:
                continue
            strings = self.headers[header[6]][4]
            for at in range(header[4], header[4] + header[5], 24):
                name, info, _, section, value, _ = struct.unpack_from("<IBBHQQ", self.data, at)
                if name and info & 15 in (1, 2) and 0 < section < len(self.names):
                    found.setdefault(self.text(strings + name), []).append((section, value))
        return {name: places[0] for name, places in found.items() if len(places) == 1}


class Kernel:
    """The symbols of the kernel and of a module in it, without debug information of the kernel."""

    def __init__(self, prog, ko):
        self.prog = prog
        known = prog["VMCOREINFO"].string_().decode()
        self.notes = dict(line.split("=", 1) for line in known.splitlines() if "=" in line)
        # The layout of struct module is in the module, too.
        layout = drgn.Program(prog.platform)
        layout.extra_module(ko, 0, create=True).try_file(ko, force=True)
        try:
            self.module = layout.type("struct module")
            self.kallsyms = layout.type("struct mod_kallsyms")
        except LookupError:
            sys.exit(f"{ko} has no debug information: is it stripped?")
        self.known = self.find("modules", "init_task", "jiffies")
        self.load(ko)

    def note(self, name):
        return int(self.notes[f"SYMBOL({name})"], 16)

    def find(self, *wanted):
        """Addresses by name, from the table behind /proc/kallsyms."""
        read, prog = self.prog.read, self.prog
        count = prog.read_u32(self.note("kallsyms_num_syms"))
        index = struct.unpack("<256H", read(self.note("kallsyms_token_index"), 512))
        table = read(self.note("kallsyms_token_table"), index[255] + 64)
        tokens = [table[at:table.index(b"\0", at)] for at in index]
        offsets = self.note("kallsyms_offsets")
        # With the type of the symbol in front.
        left = {name.encode() for name in wanted}
        found, at, chunk, start = {}, self.note("kallsyms_names"), b"", 0
        for number in range(count):
            if len(chunk) - start < 0x4000:
                chunk, start = read(at, 0x10000), 0
            length = chunk[start]
            start, at = start + 1, at + 1
            if length & 0x80:
                length = length & 0x7F | chunk[start] << 7
                start, at = start + 1, at + 1
            name = b"".join([tokens[code] for code in chunk[start:start + length]])[1:]
            start, at = start + length, at + length
            if name not in left:
                continue
            place = offsets + 4 * number
            found[name.decode()] = place + struct.unpack("<i", read(place, 4))[0]
            left.remove(name)
            if not left:
                return found
        sys.exit(f"the kernel has no symbol {left.pop().decode()}")

    def string(self, at):
        """A string, which does not go beyond what is mapped."""
        data = b""
        while b"\0" not in data:
            data += self.prog.read(at + len(data), 64 - (at + len(data)) % 64)
        return data.split(b"\0")[0]

    def where(self, name):
        """The struct module of a module that is loaded."""
        word = self.prog.read_u64
        head = self.known["modules"]
        link = drgn.offsetof(self.module, "list")
        at = word(head)
        while at != head:
            module = at - link
            if self.string(module + drgn.offsetof(self.module, "name")) == name:
                return module
            at = word(at)
        sys.exit(f"the module {name.decode()} is not loaded")

    def load(self, ko):
        """Tells drgn where the sections of the module are: where its symbols are."""
        word = self.prog.read_u64
        module = self.where(b"ioasid")
        table = word(module + drgn.offsetof(self.module, "kallsyms"))
        symbols, strings = (
            word(table + drgn.offsetof(self.kallsyms, name)) for name in ("symtab", "strtab")
        )
        count = self.prog.read_u32(table + drgn.offsetof(self.kallsyms, "num_symtab"))
        elf = Elf(ko)
        known = elf.symbols()
        data = self.prog.read(symbols, 24 * count)
        sections, count = {}, 0
        for name, _, _, _, address, _ in struct.iter_unpack("<IBBHQQ", data):
            place = known.get(self.string(strings + name).decode())
            if place and address:
                count += 1
                sections.setdefault(elf.names[place[0]], set()).add(address - place[1])
        if count < len(known) // 2 or any(len(bases) > 1 for bases in sections.values()):
            sys.exit(f"{ko} is not the module that was loaded")
        loaded = self.prog.relocatable_module("ioasid", module, create=True)
        for name, (base,) in sections.items():
            loaded.section_addresses[name] = base
        loaded.try_file(ko, force=True)
        # By which Rust's names are found.
        self.prog.language = drgn.Language.CPP


def plain(value):
    """What is in wrappers such as Marked, Atomic, RcuPtr and UnsafeCell."""
    while value.type_.kind == drgn.TypeKind.STRUCT:
        inside = [member for member in value.type_.members if drgn.sizeof(member.type)]
        value = value.member_(inside[0].name)
    return value


def pointed(value):
    """What an RcuPtr points to, or None."""
    target = value.type_.template_parameters[0].argument
    at = plain(value).value_()
    return Object(value.prog_, target, address=at) if at else None


def number(value):
    return plain(value).value_()


def text(data):
    """As debugfs writes names of others."""
    if data in (b"", b"-"):
        return "-" if not data else "\\055"
    return "".join(
        chr(byte) if 0x21 <= byte <= 0x7E and byte not in b"\\," else f"\\{byte:03o}" for byte in data
    )


class Pool:
    """All that the module knows."""

    def __init__(self, kernel):
        prog = self.prog = kernel.prog
        pool = pointed(prog.object("ioasid_rs::ffi::POOL"))
        if pool is None:
            sys.exit("the module was being loaded or unloaded")
        core = pool.target
        self.space, self.names = core.space, core.names
        self.hz = prog.object("ioasid_hz").value_()
        self.jiffies = prog.read_u64(kernel.known["jiffies"])
        self.processes = self.all_processes(kernel.known["init_task"])
        self.holders = self.all_holders()
        self.sets = {0: (self.space.sets.kernel, None)}
        for node in self.nodes(self.space.sets.array):
            self.sets[number(node.id)] = (node.value, node)

    def nodes(self, array):
        """What is in an IdArray, by number."""
        directory = pointed(array.directory)
        if directory is None:
            return
        for leaf in map(pointed, directory.member_("__0")):
            if leaf is not None:
                nodes = map(pointed, leaf.member_("__0"))
                yield from (node for node in nodes if node is not None)

    def all_processes(self, first):
        """Number to name and start, in ns since the machine was started."""
        first = Object(self.prog, "struct task_struct", address=first)
        found, task = {}, first
        while True:
            found[task.tgid.value_()] = (task.comm.string_(), task.start_time.value_())
            task = container_of(task.tasks.next, "struct task_struct", "tasks")[0]
            if task.address_ == first.address_:
                return found

    def all_holders(self):
        """ID to names and how often they hold it."""
        found = {}
        tree = self.names.counts.data.value.root
        node = self.prog.type("struct kernel::rbtree::Node<(u32, ioasid_rs::names::Name), u32>")
        for link in rbtree_inorder_for_each(tree.address_of_()):
            at = link.value_() - drgn.offsetof(node, "links")
            entry = Object(self.prog, node, address=at)
            name = bytes(plain(entry.key.member_("__1")).value_()).split(b"\0")[0]
            found.setdefault(entry.key.member_("__0").value_(), []).append((name, entry.value.value_()))
        return found

    def age(self, node):
        units = (self.jiffies >> AGE_SHIFT) - number(node.age) & AGE_MASK
        return (units << AGE_SHIFT) // self.hz

    def owner(self, entry, age):
        """The process that an ID belongs to: its number, or 0, and its name, or nothing."""
        at, tag = entry.set.value_(), number(entry.tag)
        if at or tag:
            found, _ = self.sets.get(at, (None, None))
            if found is None:
                return 0, b""
            handle = HANDLE_MARK | found.generation.value_() << HANDLE_BITS | at
            kind, token = plain(found.token.member_("__0")), found.token.member_("__1").value_()
            # A static set is known by its address.
            if tag != (token if kind.value_() == 3 else handle):
                return 0, b""
            return found.maker.pid.value_(), self.comm(found.maker.comm)
        maker = number(entry.behind)
        pid = maker & ~MAKER_GONE
        name, start = self.processes.get(pid, (b"", None))
        if maker & MAKER_GONE or start is None:
            return pid, b""
        # A younger one got the number from one that is gone.
        boot = (1 << 32) - 300 * self.hz
        lives = (self.jiffies - boot) // self.hz - start // 1_000_000_000
        return pid, name if lives + 2 >= age else b""

    @staticmethod
    def comm(value):
        return bytes(plain(value).value_()).split(b"\0")[0]

    def ids(self):
        yield IDS
        for node in self.nodes(self.space.array):
            entry, at = node.value, number(node.id)
            word, spid, provider = number(entry.life), number(entry.spid), number(entry.provider)
            if not word & (COUNT | OWNER | BUSY):
                state = "resting"
            elif word & PENDING:
                state = "pending"
            else:
                state = "active" if word & (SPID | BOND) else "idle"
            age = self.age(node)
            pid, comm = self.owner(entry, age)
            bound = "+".join(name for bit, name in ((SPID, "spid"), (BOND, "sva")) if word & bit)
            held = ",".join(f"{text(name)}:{count}" for name, count in self.holders.get(at, ()))
            yield (
                f"{at:>9}  {state:<7}  {word & COUNT:>5}  {entry.set.value_():>6}  "
                f"{'-' if spid == INVALID else spid:>10}  "
                f"{PROVIDERS.get(provider, f'custom{provider}'):<10}{pid or '-':>8}  "
                f"{text(comm):<15}  {age:>8}  {bound or '-':<8}  {held or '-'}"
            )

    def sets_table(self):
        yield SETS
        for at, (found, node) in sorted(self.sets.items()):
            kind = ("kernel", "null", "mm", "static")[plain(found.token.member_("__0")).value_()]
            state = "live" if number(found.open) else "ending"
            usage = found.usage
            figures = [number(usage.member_(name)) for name in ("quota", "used", "peak", "failures", "spids")]
            quota, used, peak, failures, spids = figures
            pid, comm = found.maker.pid.value_(), self.comm(found.maker.comm)
            age = "-" if node is None else self.age(node)
            yield (
                f"{at:>9}  {kind:<6}  {state:<6}  {quota:>7}  {used:>7}  {peak:>7}  "
                f"{failures:>8}  {spids:>7}  {number(found.life) & COUNT:>7}  {pid or '-':>8}  "
                f"{text(comm):<15}  {age:>8}"
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("-c", "--core", help="the memory dump (default: /proc/kcore)")
    parser.add_argument("-m", "--module", required=True, help="the ioasid.ko that was loaded")
    parser.add_argument("table", nargs="?", choices=["ids", "sets", "all"], default="ids")
    arguments = parser.parse_args()
    prog = drgn.Program()
    try:
        if arguments.core:
            prog.set_core_dump(arguments.core)
        else:
            prog.set_kernel()
    except (OSError, ValueError) as err:
        sys.exit(f"{arguments.core or '/proc/kcore'}: {err}")
    lines = []
    try:
        pool = Pool(Kernel(prog, arguments.module))
        if arguments.table != "sets":
            lines.extend(pool.ids())
        if arguments.table != "ids":
            lines.extend(pool.sets_table())
    except (LookupError, AttributeError) as err:
        sys.exit(f"this is not the script of that ioasid.ko: {err}")
    except drgn.FaultError as err:
        sys.exit(f"not all of it is in the dump: {err}")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
