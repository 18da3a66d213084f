// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a guest's PASID as in the documentation of the 2021 series, with the numbers of its
 * steps. ioasid_flows.ko tells what its consumers do, in which order, and how many references there
 * are then; after each command that is compared with ioasid/ids. Exit code 1 when something is not
 * as the flow says.
 *
 * Copyright (C) 2026 the IOASID developers
 */
#define _GNU_SOURCE

#include "scene.h"

#define DEVICE "/sys/kernel/debug/ioasid_flows/vm"
#define IDS "/sys/kernel/debug/ioasid/ids"

/* ---- one VM, told by its parent what to do ---- */

struct message {
	int error;
	char text[1024];
};

static void live(const char *name, int from, int to)
{
	int file = open(DEVICE, O_RDWR | O_CLOEXEC);
	struct message message = { .error = file < 0 ? errno : 0 };
	ssize_t length;

	(void)name;
	while (write(to, &message, sizeof(message)) == sizeof(message) &&
	       read(from, &message, sizeof(message)) == sizeof(message)) {
		message.error = 0;
		if (write(file, message.text, strlen(message.text)) < 0)
			message.error = errno;
		length = read(file, message.text, sizeof(message.text) - 1);
		message.text[length > 0 ? length : 0] = '\0';
	}
	_exit(0);
}

static struct process start(const char *name)
{
	struct process vm = spawn(name, live);
	struct message message;

	hear(&vm, &message, sizeof(message));
	errno = message.error;
	if (errno)
		give_up(DEVICE);
	return vm;
}

static void end(struct process *vm)
{
	kill(vm->pid, SIGKILL);
	bury(vm);
}

/* A command, in which %u is the VM's PASID. What it has led to is in text. */
static struct message tell(const struct process *vm, const char *command)
{
	struct message message = { .error = 0 };

	snprintf(message.text, sizeof(message.text), command, vm->pasid);
	say(vm, &message, sizeof(message));
	hear(vm, &message, sizeof(message));
	return message;
}

/* ---- what the kernel says ---- */

struct id {
	char state[16], names[64];
	int refs; /* that of the owner included */
};

static bool find_id(__u32 pasid, struct id *id)
{
	char line[200];
	bool found = find_line(IDS, pasid, line, sizeof(line)) &&
		     sscanf(line, "%*u %15s %d %*s %*s %*s %*s %*s %*s %*s %63s", id->state,
			    &id->refs, id->names) == 3;

	if (!found)
		*id = (struct id) { .state = "reclaimed", .names = "-" };
	else if (strcmp(id->state, "pending"))
		id->refs++;
	return found;
}

/* ---- a flow ---- */

struct line {
	const char *number; /* of the step */
	const char *says; /* the count of references, who, and what is done; %u is the PASID */
};

struct step {
	const char *number;
	const char *command;
	const char *state; /* of the PASID then */
	int error;
	/* Ends with one that says nothing; its number is that of what ioasid/ids shows then. */
	struct line lines[16];
};

/* The lines that a command gave, each beside the one that had to come. */
static void compare(const struct process *vm, char *text, const struct line *lines)
{
	char *line, *next = text;
	char expected[80];
	char *what;
	int refs;

	while ((line = strsep(&next, "\n")) && *line) {
		expected[0] = '\0';
		if (lines->says)
			snprintf(expected, sizeof(expected), lines->says, vm->pasid);
		refs = strtol(line, &what, 10);
		fact(!strcmp(line, expected), "%2s  %-58s refs %d",
		     lines->says && lines->number ? lines->number : "", what + !!*what, refs);
		if (lines->says)
			lines++;
	}
	for (; lines->says; lines++)
		fact(false, "%2s  missing: %s", lines->number ?: "", lines->says);
}

static bool read_pasid(struct process *vm, const struct message *message)
{
	return sscanf(message->text, "%*d vmm ioasid_alloc() = %u", &vm->pasid) == 1;
}

static void play_step(struct process *vm, const struct step *step)
{
	struct message message = tell(vm, step->command);
	const struct line *line = step->lines;
	char command[64];
	int refs = 0, turn = 0;
	struct id id;

	if (!strcmp(step->command, "alloc") && !read_pasid(vm, &message))
		vm->pasid = 0;
	for (; line->says; line++)
		refs = atoi(line->says);
	/* The number may return a little after the last reference has gone. */
	while (find_id(vm->pasid, &id) && !strcmp(step->state, "reclaimed")) {
		if (!wait_a_little(&turn))
			break;
	}

	snprintf(command, sizeof(command), step->command, vm->pasid);
	fact(message.error == step->error, "%2s  %s: %s: %s", step->number ?: "", vm->name,
	     command, message.error ? strerror(message.error) : "done");
	compare(vm, message.text, step->lines);
	/* A command without a line did nothing. */
	fact(!strcmp(id.state, step->state) && (id.refs == refs || line == step->lines),
	     "%2s  in ioasid/ids: %s, %d reference%s%s%s", line->number ?: "", id.state, id.refs,
	     id.refs == 1 ? "" : "s", strcmp(id.names, "-") ? ", " : "",
	     strcmp(id.names, "-") ? id.names : "");
}

static void play(struct process *vm, const struct step *step)
{
	for (; step->command; step++)
		play_step(vm, step);
}

/* Steps 1 (when the file is opened) to 12 are those of both flows. */
static const struct step setup[] = {
	{ "2", "alloc", "idle", 0, { { NULL, "1 vmm ioasid_alloc() = %u" } } },
	{ "3", "bind %u 1", "active", 0, {
		{ "4", "2 iommu ioasid_get_named()" },
		{ "5", "2 kvm told of BIND" },
		{ "6", "3 kvm ioasid_get()" },
		{ "7", "3 kvm enters guest 1 -> host %u" },
		{ NULL, "3 iommu told of BIND" },
		{ NULL, "3 device told of BIND" } } },
	{ "8", "program 1", "active", 0, {
		{ "10", "4 device ioasid_find_by_spid()" },
		{ "11", "4 device is given host %u" } } },
	{ "12", "submit 1", "active", 0, {
		{ NULL, "4 guest submits with 1: DMA with host %u" } } },
	{}
};

static const struct step normal[] = {
	{ "14", "clear", "active", 0, {
		{ "15", "4 device drains and forgets host %u" },
		{ "16", "3 device ioasid_put()" } } },
	{ NULL, "submit 1", "active", 0, {
		{ NULL, "3 guest submits with 1: stopped by the device" } } },
	{ "17", "unbind %u", "idle", 0, {
		{ "18", "3 iommu unbinds host %u" },
		{ "19", "3 kvm told of UNBIND" },
		{ "20", "3 kvm removes guest 1 -> host %u" },
		{ "21", "2 kvm ioasid_put()" },
		{ NULL, "2 iommu told of UNBIND" },
		{ NULL, "2 device told of UNBIND" } } },
	{ "22", "free %u", "pending", 0, {
		{ NULL, "2 vmm ioasid_free()" },
		{ NULL, "2 kvm told of FREE" },
		{ NULL, "2 iommu told of FREE" },
		{ NULL, "2 device told of FREE" },
		{ "22", "1 vmm ioasid_free() = 1" } } },
	{ "23", "finish", "reclaimed", 0, {
		{ NULL, "1 iommu takes the entry of host %u down" },
		{ "23", "0 iommu ioasid_put(), the last" },
		{ "24", NULL } } },
	{}
};

static const struct step early_free[] = {
	{ "15", "free %u", "pending", 0, {
		{ NULL, "4 vmm ioasid_free()" },
		{ "18", "4 kvm told of FREE" },
		{ "19", "4 kvm removes guest 1 -> host %u" },
		{ "20", "3 kvm ioasid_put()" },
		{ "22", "3 iommu told of FREE" },
		{ "21", "3 device told of FREE" },
		{ "23", "2 vmm ioasid_free() = 1" } } },
	{ NULL, "submit 1", "pending", 0, {
		{ NULL, "2 guest submits with 1: stopped by the CPU" } } },
	{ NULL, "unbind %u", "pending", EBUSY, {} },
	{ NULL, "notify %u", "pending", EBUSY, {} },
	{ NULL, "program 1", "pending", ENOENT, {} },
	{}
};

static const struct step early_iommu[] = {
	{ NULL, "finish", "pending", 0, {
		{ "25", "2 iommu takes the entry of host %u down" },
		{ "27", "1 iommu ioasid_put()" } } },
	{}
};

static const struct step early_device[] = {
	{ NULL, "finish", "reclaimed", 0, {
		{ "24", "1 device drains and forgets host %u" },
		{ "26", "0 device ioasid_put(), the last" },
		{ "28", NULL } } },
	{ "30", "unbind %u", "reclaimed", ENOENT, {} },
	{}
};

static const struct step refused[] = {
	{ NULL, "alloc", "idle", 0, { { NULL, "1 vmm ioasid_alloc() = %u" } } },
	{ NULL, "bind %u 9", "idle", ERANGE, {
		{ NULL, "2 iommu ioasid_get_named()" },
		{ NULL, "2 kvm told of BIND" },
		{ NULL, "3 kvm ioasid_get()" },
		{ NULL, "3 kvm enters guest 9 -> host %u" },
		{ NULL, "3 iommu told of BIND" },
		{ NULL, "3 device told of BIND" },
		{ NULL, "3 device refuses guest 9" },
		{ NULL, "3 iommu told of UNBIND" },
		{ NULL, "3 kvm told of UNBIND" },
		{ NULL, "3 kvm removes guest 9 -> host %u" },
		{ NULL, "2 kvm ioasid_put()" },
		{ NULL, "2 iommu takes the entry of host %u down" },
		{ NULL, "1 iommu ioasid_put()" } } },
	/* As if nothing had been. */
	{ NULL, "bind %u 1", "active", 0, {
		{ NULL, "2 iommu ioasid_get_named()" },
		{ NULL, "2 kvm told of BIND" },
		{ NULL, "3 kvm ioasid_get()" },
		{ NULL, "3 kvm enters guest 1 -> host %u" },
		{ NULL, "3 iommu told of BIND" },
		{ NULL, "3 device told of BIND" } } },
	{}
};

/* A VM that allocates and frees in one go: which number it gets. */
static __u32 next_pasid(struct process *vm)
{
	struct message message = tell(vm, "alloc");

	if (message.error || !read_pasid(vm, &message)) {
		errno = message.error;
		give_up(vm->name);
	}
	errno = tell(vm, "free %u").error;
	if (errno)
		give_up(vm->name);
	return vm->pasid;
}

static void is_kept(struct process *other, const struct process *vm)
{
	__u32 pasid = next_pasid(other);

	fact(pasid != vm->pasid, "    %s: allocates: PASID %u, not %u", other->name, pasid,
	     vm->pasid);
}

/* The number starts a new life, as another VM's. */
static void is_reused(struct process *other, const struct process *vm)
{
	__u32 pasid = next_pasid(other);

	fact(pasid == vm->pasid, "    %s: allocates: PASID %u again, a new life", other->name,
	     pasid);
}

static void scene_normal(void)
{
	struct process vm = start("vm-a"), other = start("vm-b");

	fact(true, " 1  vm-a: KVM and device subscribed to its mm, IOMMU to all");
	play(&vm, setup);
	play(&vm, normal);
	is_reused(&other, &vm);
	end(&vm);
	end(&other);
}

/* What vm-a does is nothing to vm-b. */
static void is_confined(const struct process *neighbour)
{
	struct message message = tell(neighbour, "submit 1");
	char expected[80];
	struct id id;

	find_id(neighbour->pasid, &id);
	snprintf(expected, sizeof(expected), "4 guest submits with 1: DMA with host %u\n",
		 neighbour->pasid);
	fact(!strcmp(message.text, expected) && !strcmp(id.state, "active") && id.refs == 4,
	     "    %s: was told of nothing; guest 1 is PASID %u, %s, refs %d", neighbour->name,
	     neighbour->pasid, id.state, id.refs);
}

static void is_refused(const struct process *vm, const char *verb, __u32 pasid, int error)
{
	struct process wrong = *vm;
	struct message message;
	char command[32];

	snprintf(command, sizeof(command), "%s %%u", verb);
	wrong.pasid = pasid;
	message = tell(&wrong, command);
	fact(message.error == error, "    %s: %s %u, which is another VM's: %s", vm->name, verb,
	     pasid, strerror(message.error));
}

static void scene_early(void)
{
	struct process vm = start("vm-a"), neighbour = start("vm-b"), other = start("vm-c");
	const struct step *step;
	int turn = 0;
	struct id id;

	play(&vm, setup);
	for (step = setup; step->command; step++) {
		struct message message = tell(&neighbour, step->command);

		if (step == setup && !read_pasid(&neighbour, &message))
			give_up(neighbour.name);
		errno = message.error;
		if (errno)
			give_up(neighbour.name);
	}

	play(&vm, early_free);
	is_kept(&other, &vm);
	play(&vm, early_iommu);
	is_kept(&other, &vm);
	play(&vm, early_device);

	is_reused(&other, &vm);
	is_refused(&vm, "unbind", neighbour.pasid, EPERM);
	is_refused(&vm, "free", neighbour.pasid, EACCES);
	is_confined(&neighbour);

	kill(neighbour.pid, SIGKILL);
	while (find_id(neighbour.pasid, &id) && wait_a_little(&turn))
		;
	fact(!strcmp(id.state, "reclaimed"), "    %s: is killed: its PASID %u is %s",
	     neighbour.name, neighbour.pasid, id.state);
	bury(&neighbour);
	end(&vm);
	end(&other);
}

static void scene_refused(void)
{
	struct process vm = start("vm-a");

	play(&vm, refused);
	end(&vm);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "normal"))
		scene_normal();
	else if (argc == 2 && !strcmp(argv[1], "early"))
		scene_early();
	else if (argc == 2 && !strcmp(argv[1], "refused"))
		scene_refused();
	else
		return 2;
	return failed;
}
