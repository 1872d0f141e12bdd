#include "virtual-lab/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/numbers.h"
#include "virtual-lab/board.h"
#include "virtual-lab/control.h"
#include "virtual-lab/driving.h"
#include "virtual-lab/faults.h"
#include "virtual-lab/ppk2_port.h"
#include "virtual-lab/probe.h"
#include "virtual-lab/ready.h"
#include "virtual-lab/serial.h"

#define FOLDER_MODE 0755
#define SERIAL_BYTES 32

struct lab {
	const struct machine *machine;
	char folder[PATH_MAX];
	char flash_path[FILE_PATH_BYTES];
	char probe_link[FILE_PATH_BYTES];
	int signal_fd;
	int parent_fd;
	int lock_fd;
	int log_fd;
	struct faults faults;
	struct driving driving;
	struct ppk2_port *ppk2;
	uint32_t ppk2_seed;
	struct serial *serial;
	struct board *board;
	struct probe probe;
	struct control control;
};

static int path_in(const struct lab *lab, const char *name, char *out, struct fault *f)
{
	int rc = file_path(out, FILE_PATH_BYTES, "%s/%s", lab->folder, name);

	return rc ? fault_set(f, -rc, "%s is too long a path", lab->folder) : 0;
}

static int apply_fault(struct lab *lab, const char *text, struct fault *f)
{
	enum fault_name name;
	uint32_t arg;
	int rc = fault_parse(text, &name, &arg, f);

	if (rc)
		return rc;
	if (lab->board)
		lab->board->memory.downloaded_bytes = 0;
	fault_switch(&lab->faults, name, true, arg);
	return 0;
}

static int heal(struct lab *lab, struct fault *f)
{
	faults_init(&lab->faults);
	lab->board->memory.downloaded_bytes = 0;
	return lab->board->power == BOARD_DEAD ? board_power_on(lab->board, f) : 0;
}

static int do_fault(struct lab *lab, const char *text, struct fault *f)
{
	int rc = strcmp(text, "none") ? apply_fault(lab, text, f) : heal(lab, f);

	serial_wake(lab->serial);
	ppk2_port_wake(lab->ppk2);
	return rc ? rc : probe_update(&lab->probe, f);
}

static int do_power(struct lab *lab, const char *text, struct fault *f)
{
	if (!strcmp(text, "on"))
		return board_power_on(lab->board, f);
	if (strcmp(text, "off"))
		return fault_set(f, EINVAL, "power is on or off, not '%s'", text);
	board_power_off(lab->board);
	return 0;
}

/* What the virtual PPK2 would have measured, were it perfect: `energy FROM TO`. */
static int say_charge(struct lab *lab, const char *text, char *reply, size_t room, struct fault *f)
{
	size_t n = strcspn(text, " ");
	uint64_t from, to;
	double charge_C;
	int rc;

	if (!text[n] || number_u64_n(text, n, 0, UINT64_MAX, &from) ||
		number_u64(text + n + 1, 0, UINT64_MAX, &to))
		return fault_set(f, EINVAL, "energy wants two sample indices, not '%s'", text);
	rc = ppk2_port_charge(lab->ppk2, from, to, &charge_C, f);
	if (!rc)
		snprintf(reply, room, "ok charge_C=%.17g samples=%llu", charge_C,
			(unsigned long long)(to - from));
	return rc;
}

static void say_status(struct lab *lab, char *reply, size_t room)
{
	struct board *b = lab->board;
	char faults[CONTROL_REPLY_BYTES / 2];
	const char *state = board_state(b);
	uint64_t marker_bytes, windows;

	ppk2_port_heard(lab->ppk2, &marker_bytes, &windows);
	faults_list(&lab->faults, faults, sizeof(faults));
	snprintf(reply, room,
		"ok state=%s faults=%s probe=%s console_openers=%u console_lost=%llu markers=%llu "
		"windows=%llu cycles=%u ppk2=%s%s%s",
		state, faults,
		lab->probe.pty.master < 0 ? "absent"
			: lab->probe.open ? "open"
					  : "idle",
		serial_openers(lab->serial), (unsigned long long)serial_lost_bytes(lab->serial),
		(unsigned long long)marker_bytes, (unsigned long long)windows, b->power_cycles,
		ppk2_port_state(lab->ppk2), b->power == BOARD_DEAD ? " why=" : "",
		b->power == BOARD_DEAD ? b->why_dead : "");
}

static void execute(void *arg, const char *line, char *reply, size_t room)
{
	struct lab *lab = arg;
	struct fault f = {0};
	int rc;

	if (!strcmp(line, "status")) {
		say_status(lab, reply, room);
		return;
	}
	if (!strncmp(line, "energy ", 7)) {
		rc = say_charge(lab, line + 7, reply, room, &f);
		if (rc)
			snprintf(reply, room, "error %s", f.text);
		return;
	}
	if (!strncmp(line, "fault ", 6))
		rc = do_fault(lab, line + 6, &f);
	else if (!strncmp(line, "power ", 6))
		rc = do_power(lab, line + 6, &f);
	else if (!strcmp(line, "reset"))
		rc = board_reset(lab->board, &f);
	else
		rc = fault_set(&f, EINVAL,
			"no command is '%s'; the known ones are fault NAME [ARG], fault none, "
			"status, power off, power on, reset, energy FROM TO",
			line);
	if (rc)
		snprintf(reply, room, "error %s", f.text);
	else
		snprintf(reply, room, "ok %s", line);
	log_info("control", LOG_STR("command", line), LOG_STR("reply", reply));
}

static int open_folder(struct lab *lab, const char *folder, struct fault *f)
{
	char path[FILE_PATH_BYTES];
	int rc = file_make_folders(folder, FOLDER_MODE, f);

	if (rc)
		return fault_wrap(f, "--dir must be a folder that can be written");
	if (!realpath(folder, lab->folder))
		return fault_errno(f, errno, "%s", folder);
	rc = path_in(lab, "lock", path, f);
	if (!rc)
		rc = file_lock(path, &lab->lock_fd, f);
	if (rc == -EWOULDBLOCK)
		return fault_wrap(f, "another board lives in %s; give each its own --dir", folder);
	if (!rc)
		rc = path_in(lab, "ready.json", path, f);
	if (rc)
		return rc;
	unlink(path);
	rc = path_in(lab, "qemu.log", path, f);
	if (rc)
		return rc;
	lab->log_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	if (lab->log_fd < 0)
		return fault_errno(f, errno, "cannot write %s", path);
	rc = path_in(lab, "driving.log", path, f);
	if (!rc)
		rc = driving_open(&lab->driving, path, f);
	if (!rc)
		rc = path_in(lab, "flash.bin", lab->flash_path, f);
	return rc ? rc : path_in(lab, "probe", lab->probe_link, f);
}

static int open_board(struct lab *lab, struct fault *f)
{
	struct board_options o = {.machine = lab->machine,
		.faults = &lab->faults,
		.flash_path = lab->flash_path,
		.log_fd = lab->log_fd};
	struct ppk2_port_options ppk2 = {
		.machine = lab->machine, .faults = &lab->faults, .seed = lab->ppk2_seed};
	char console[FILE_PATH_BYTES], ppk2_link[FILE_PATH_BYTES];
	int rc = path_in(lab, "console", console, f);

	if (!rc)
		rc = path_in(lab, "ppk2", ppk2_link, f);
	ppk2.link = ppk2_link;
	if (!rc)
		rc = ppk2_port_open(&ppk2, &lab->ppk2, f);
	if (!rc)
		rc = serial_open(
			console, &lab->faults, ppk2_port_markers, lab->ppk2, &lab->serial, f);
	o.serial = lab->serial;
	if (!rc)
		rc = board_open(&o, &lab->board, f);
	if (!rc)
		rc = board_power_on(lab->board, f);
	if (!rc)
		rc = probe_open(
			&lab->probe, lab->board, &lab->faults, &lab->driving, lab->probe_link, f);
	return rc ? rc : control_open(&lab->control, lab->folder, execute, lab, f);
}

/* The same folder is the same board with the same PPK2: its name makes the serial numbers. */
static void make_serials(const struct lab *lab, char *board, char *ppk2)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (const char *p = lab->folder; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	snprintf(board, SERIAL_BYTES, "VB-%s-%08x", lab->machine->name, hash);
	snprintf(ppk2, SERIAL_BYTES, "VP-%08X", hash);
}

static int tell(struct lab *lab, struct fault *f)
{
	char qemu[32], serial[SERIAL_BYTES], ppk2_serial[SERIAL_BYTES];
	struct ready r = {.machine = lab->machine,
		.folder = lab->folder,
		.serial = serial,
		.ppk2_serial = ppk2_serial,
		.qemu = qemu};
	int rc = qemu_version(qemu, sizeof(qemu), f);

	if (rc)
		return rc;
	make_serials(lab, serial, ppk2_serial);
	/* Read before the core began: what it runs may have ended QEMU by now. */
	r.cpuid = lab->board->cpuid;
	rc = ready_write_openocd(&r, f);
	return rc ? rc : ready_write(&r, f);
}

/* The PPK2 tells what it sees by whether the board has power. */
static void tell_power(struct lab *lab)
{
	ppk2_port_power(lab->ppk2, lab->board->power == BOARD_ON, lab->board->power_cycles);
}

int lab_open(const struct lab_options *o, struct lab **out, struct fault *f)
{
	struct lab *lab = calloc(1, sizeof(*lab));
	int rc;

	if (!lab)
		return fault_set(f, ENOMEM, "no memory");
	lab->machine = o->machine;
	lab->signal_fd = o->signal_fd;
	lab->parent_fd = o->parent_fd;
	lab->ppk2_seed = o->ppk2_seed;
	lab->lock_fd = lab->log_fd = lab->driving.fd = lab->control.fd = -1;
	lab->control.folder_fd = -1;
	for (int i = 0; i < CONTROL_CLIENTS; i++)
		lab->control.clients[i].fd = -1;
	lab->probe.pty = (struct pty)PTY_INIT;
	faults_init(&lab->faults);
	rc = open_folder(lab, o->folder, f);
	if (!rc)
		rc = open_board(lab, f);
	for (size_t i = 0; !rc && o->faults && o->faults[i]; i++)
		rc = apply_fault(lab, o->faults[i], f);
	if (!rc)
		rc = probe_update(&lab->probe, f);
	if (!rc) {
		tell_power(lab);
		rc = tell(lab, f);
	}
	if (rc) {
		lab_close(lab);
		return rc;
	}
	*out = lab;
	return 0;
}

/* The PPK2 feeds the board, or does not. */
static void switch_power(struct lab *lab)
{
	struct fault f = {0};
	bool off, on;

	ppk2_port_take_order(lab->ppk2, &off, &on);
	if (off)
		board_power_off(lab->board);
	tell_power(lab);
	if (on && board_power_on(lab->board, &f))
		log_error("the board does not come up", LOG_STR("error", f.text));
	log_info("ppk2", LOG_STR("power", on ? "on" : "off"));
}

int lab_run(struct lab *lab, struct fault *f)
{
	for (;;) {
		struct pollfd p[7 + CONTROL_FDS] = {
			{.fd = lab->signal_fd, .events = POLLIN},
			{.fd = lab->parent_fd, .events = POLLIN},
			{.fd = board_watch_fd(lab->board), .events = POLLIN},
			{.fd = lab->probe.pty.watch_fd, .events = POLLIN},
			{.fd = lab->probe.pty.master, .events = POLLIN},
			{.fd = board_core_fd(lab->board), .events = POLLIN},
			{.fd = ppk2_port_order_fd(lab->ppk2), .events = POLLIN},
		};
		bool resuming = lab->board->debug.resuming;
		int rc;

		control_fill(&lab->control, p + 7);
		rc = clock_poll(&clock_system, p, sizeof(p) / sizeof(p[0]),
			resuming ? clock_deadline_ms(&clock_system, DEBUG_SETTLE_MS) : CLOCK_NEVER);
		if (rc < 0)
			return fault_errno(f, -rc, "poll");
		if (!rc)
			debug_settle(&lab->board->debug);
		if (p[0].revents || p[1].revents)
			return 0;
		if (p[2].revents)
			board_take_note_of_death(lab->board);
		if (p[5].revents && board_core_fd(lab->board) == p[5].fd)
			board_listen(lab->board);
		if (p[3].revents)
			probe_look(&lab->probe);
		if (p[4].revents)
			probe_serve(&lab->probe);
		if (p[6].revents)
			switch_power(lab);
		control_serve(&lab->control, p + 7);
		tell_power(lab);
	}
}

void lab_close(struct lab *lab)
{
	static const char *const stale[] = {"ready.json", "control"};
	char path[FILE_PATH_BYTES];

	if (!lab)
		return;
	for (size_t i = 0; lab->lock_fd >= 0 && i < ARRAY_SIZE(stale); i++) {
		if (!path_in(lab, stale[i], path, NULL))
			unlink(path);
	}
	probe_close(&lab->probe);
	board_close(lab->board);
	serial_close(lab->serial);
	ppk2_port_close(lab->ppk2);
	control_close(&lab->control);
	driving_close(&lab->driving);
	file_close(&lab->log_fd);
	file_close(&lab->lock_fd);
	free(lab);
}
