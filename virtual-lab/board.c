#include "virtual-lab/board.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/log.h"

#define CPUID 0xe000ed00
#define ERASED 0xff
#define FLASH_MODE 0644
/* Regions over this keep what QEMU gives them: scrambling them would cost the host real memory. */
#define SCRAMBLE_MAX_BYTES (4u << 20)

/*
 * What a new board runs until somebody loads it: SP, the reset vector, then `wfi; b .-2`. It keeps
 * the core out of lockup and asks nothing of the host's processor.
 */
static const uint8_t factory_program[] = {
	0x00, 0x10, 0x00, 0x20, 0x09, 0x00, 0x00, 0x00, 0x30, 0xbf, 0xfd, 0xe7};

static int core_halt(void *arg)
{
	return gdb_halt(&((struct board *)arg)->gdb);
}

static int core_resume(void *arg)
{
	return gdb_resume(&((struct board *)arg)->gdb);
}

static int core_step(void *arg)
{
	return gdb_step(&((struct board *)arg)->gdb);
}

static int core_poll(void *arg, bool *stopped)
{
	return gdb_poll(&((struct board *)arg)->gdb, stopped);
}

static int core_read_register(void *arg, unsigned number, uint32_t *value)
{
	return gdb_read_register(&((struct board *)arg)->gdb, number, value);
}

static int core_write_register(void *arg, unsigned number, uint32_t value)
{
	return gdb_write_register(&((struct board *)arg)->gdb, number, value);
}

static int core_breakpoint(void *arg, uint32_t address, bool set)
{
	return gdb_breakpoint(&((struct board *)arg)->gdb, address, set);
}

static void save_flash(struct board *b)
{
	struct fault f = {0};

	if (!b->flash || !b->flash_changed)
		return;
	if (qtest_read_block(
		    &b->qtest, machine_boot_region(b->machine)->base, b->flash, b->flash_bytes))
		return;
	b->flash_changed = false;
	if (file_write_durable(b->flash_path, b->flash, b->flash_bytes, FLASH_MODE, &f))
		log_warning("flash contents not kept", LOG_STR("error", f.text));
}

static int core_reset(void *arg)
{
	struct board *b = arg;
	int rc;

	save_flash(b);
	rc = gdb_reset(&b->gdb);
	/* The reset is done by QEMU's main loop: one question through it, and it has happened. */
	return rc ? rc : qtest_read(&b->qtest, CPUID, 4, &b->cpuid);
}

static const struct core_ops core_ops = {
	.halt = core_halt,
	.resume = core_resume,
	.step = core_step,
	.poll = core_poll,
	.reset = core_reset,
	.read_register = core_read_register,
	.write_register = core_write_register,
	.set_breakpoint = core_breakpoint,
};

static int mem_read(void *arg, uint32_t address, unsigned bytes, uint32_t *value)
{
	return qtest_read(&((struct board *)arg)->qtest, address, bytes, value);
}

static int mem_write(void *arg, uint32_t address, unsigned bytes, uint32_t value)
{
	return qtest_write(&((struct board *)arg)->qtest, address, bytes, value);
}

static int mem_read_block(void *arg, uint32_t address, void *data, size_t n)
{
	return qtest_read_block(&((struct board *)arg)->qtest, address, data, n);
}

static int mem_write_block(void *arg, uint32_t address, const void *data, size_t n)
{
	struct board *b = arg;
	const struct region *r = machine_region(b->machine, address, (uint32_t)n);

	/* The guest may not write its flash, so this goes round it. */
	if (r && r->kind == REGION_FLASH)
		return gdb_write_memory(&b->gdb, address, data, n);
	return qtest_write_block(&b->qtest, address, data, n);
}

static const struct memory_ops memory_ops = {
	.read = mem_read,
	.write = mem_write,
	.read_block = mem_read_block,
	.write_block = mem_write_block,
};

static void core_stopped(void *arg)
{
	struct board *b = arg;

	memory_forget(&b->memory);
	b->flash_changed = b->flash != NULL;
	memory_apply_stuck_bit(&b->memory);
}

static int guest_memory(void *arg, uint32_t address, void *data, size_t n)
{
	struct board *b = arg;

	if (!machine_region(b->machine, address, (uint32_t)n))
		return -EFAULT;
	return mem_read_block(b, address, data, n);
}

static void guest_text(void *arg, const void *data, size_t n)
{
	struct board *b = arg;

	/* Nobody to hear it is no reason to hold the guest. */
	(void)!send(b->marker_fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int load_flash(struct board *b, struct fault *f)
{
	_cleanup_free_ char *kept = NULL;
	size_t n;
	int rc;

	b->flash_bytes = machine_boot_region(b->machine)->bytes;
	b->flash = malloc(b->flash_bytes);
	if (!b->flash)
		return fault_set(f, ENOMEM, "no memory for the flash of %s", b->machine->name);
	memset(b->flash, ERASED, b->flash_bytes);
	memcpy(b->flash, factory_program, sizeof(factory_program));
	rc = file_read(b->flash_path, b->flash_bytes, &kept, &n, f);
	if (rc == -ENOENT)
		return 0;
	if (!rc && n != b->flash_bytes)
		rc = fault_set(f, EINVAL,
			"%s holds %zu bytes and not %zu: remove it to start with a new board",
			b->flash_path, n, b->flash_bytes);
	if (!rc)
		memcpy(b->flash, kept, n);
	return rc;
}

int board_open(const struct board_options *o, struct board **out, struct fault *f)
{
	struct board *b = calloc(1, sizeof(*b));
	int rc = 0;

	if (!b)
		return fault_set(f, ENOMEM, "no memory for a board");
	b->machine = o->machine;
	b->faults = o->faults;
	b->serial = o->serial;
	b->flash_path = o->flash_path;
	b->log_fd = o->log_fd;
	b->qemu = (struct qemu)QEMU_INIT;
	b->marker_fd = -1;
	b->semihosting =
		(struct semihosting){.read_memory = guest_memory, .text = guest_text, .arg = b};
	b->target = (struct target){.core = &core_ops, .memory = &memory_ops, .arg = b};
	debug_init(&b->debug, b->machine, &b->target);
	b->debug.stopped = core_stopped;
	b->debug.stopped_arg = b;
	memory_init(&b->memory, b->machine, &b->target, b->faults, &b->debug);
	ap_init(&b->ap, &b->memory);
	dp_init(&b->dp, &b->ap, b->faults, b->machine->dpidr);
	jtag_init(&b->jtag, &b->dp, b->faults, b->machine->idcode);
	swd_init(&b->swd, &b->dp);
	buspirate_init(&b->buspirate, &b->jtag, &b->swd);
	if (b->machine->flash)
		rc = load_flash(b, f);
	if (rc) {
		board_close(b);
		return rc;
	}
	*out = b;
	return 0;
}

void board_close(struct board *b)
{
	if (!b)
		return;
	board_power_off(b);
	free(b->flash);
	free(b);
}

/* RAM comes up with something in it, and something else each time. */
static int scramble(struct board *b)
{
	uint8_t junk = (uint8_t)(0x5a + 0x3b * b->power_cycles);
	int rc = 0;

	for (const struct region *r = b->machine->regions; b->power_cycles && r->bytes && !rc;
		r++) {
		if (r->listed && r->kind == REGION_RAM && r->bytes <= SCRAMBLE_MAX_BYTES)
			rc = qtest_fill(&b->qtest, r->base, r->bytes, junk);
	}
	return rc;
}

static int fill_memory(struct board *b)
{
	uint32_t base = machine_boot_region(b->machine)->base;
	int rc = scramble(b);

	if (rc)
		return rc;
	if (b->flash)
		return gdb_write_memory(&b->gdb, base, b->flash, b->flash_bytes);
	return qtest_write_block(&b->qtest, base, factory_program, sizeof(factory_program));
}

/* Where guests call their host, the marker channel's far end is here and not in QEMU. */
static int open_markers(struct board *b)
{
	int pair[2];

	if (!b->machine->semihosted_markers)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	file_close(&b->qemu.marker_fd);
	b->qemu.marker_fd = pair[0];
	b->marker_fd = pair[1];
	return 0;
}

static int start(struct board *b, struct fault *f)
{
	int rc = qemu_start(b->machine, b->log_fd, &b->qemu, f);

	if (rc)
		return rc;
	qtest_init(&b->qtest, b->qemu.qtest_fd);
	rc = gdb_init(&b->gdb, b->qemu.gdb_fd, &b->semihosting);
	if (!rc)
		rc = fill_memory(b);
	if (!rc)
		rc = core_reset(b);
	if (!rc)
		rc = open_markers(b);
	if (rc) {
		qemu_stop(&b->qemu);
		return fault_errno(
			f, -rc, "QEMU for %s does not come up (see qemu.log)", b->machine->name);
	}
	return 0;
}

static void go_dark(struct board *b, enum board_power power)
{
	serial_connect(b->serial, -1, -1);
	qemu_stop(&b->qemu);
	file_close(&b->marker_fd);
	memory_drop(&b->memory);
	b->memory.dead = true;
	b->power = power;
	b->buspirate.powered = power != BOARD_OFF;
}

static int come_up(struct board *b, bool locked_up, struct fault *f)
{
	int rc = start(b, f);

	if (rc) {
		go_dark(b, BOARD_DEAD);
		snprintf(b->why_dead, sizeof(b->why_dead), "%s", f->text);
		return rc;
	}
	b->power = BOARD_ON;
	b->power_cycles++;
	b->flash_changed = false;
	b->memory.dead = false;
	b->buspirate.powered = true;
	memory_drop(&b->memory);
	dp_reset(&b->dp);
	serial_connect(b->serial, take_fd(b->qemu.console_fd), take_fd(b->qemu.marker_fd));
	if (locked_up) {
		debug_lock_up(&b->debug);
		return 0;
	}
	rc = debug_power_on(&b->debug);
	return rc ? fault_errno(f, -rc, "the core of %s does not start", b->machine->name) : 0;
}

int board_power_on(struct board *b, struct fault *f)
{
	if (b->power == BOARD_ON)
		return 0;
	return come_up(b, false, f);
}

void board_power_off(struct board *b)
{
	if (b->power == BOARD_ON)
		save_flash(b);
	go_dark(b, BOARD_OFF);
}

void board_kill(struct board *b, const char *why)
{
	if (b->power != BOARD_ON)
		return;
	save_flash(b);
	go_dark(b, BOARD_DEAD);
	snprintf(b->why_dead, sizeof(b->why_dead), "%s", why);
}

int board_reset(struct board *b, struct fault *f)
{
	int rc;

	if (b->power == BOARD_DEAD)
		return fault_set(f, EIO, "the board is dead (%s): send `power off` and `power on`",
			b->why_dead);
	if (b->power == BOARD_OFF)
		return fault_set(f, EIO, "the board has no power: send `power on`");
	rc = debug_reset(&b->debug);
	memory_forget(&b->memory);
	return rc ? fault_errno(f, -rc, "the board does not reset") : 0;
}

int board_core_fd(const struct board *b)
{
	return b->qemu.gdb_fd;
}

void board_listen(struct board *b)
{
	bool stopped;

	/* A broken connection is looked after when QEMU's end is noticed. */
	if (gdb_poll(&b->gdb, &stopped) == -EPIPE)
		file_close(&b->qemu.gdb_fd);
}

int board_watch_fd(const struct board *b)
{
	return b->qemu.process.pidfd;
}

void board_take_note_of_death(struct board *b)
{
	siginfo_t info = {0};
	struct fault f = {0};

	waitid(P_PIDFD, (id_t)b->qemu.process.pidfd, &info, WEXITED | WNOHANG | WNOWAIT);
	if (info.si_pid == 0)
		return;
	log_warning("QEMU ended", LOG_STR("machine", b->machine->name),
		LOG_I64("code", info.si_code), LOG_I64("status", info.si_status));
	go_dark(b, BOARD_DEAD);
	snprintf(b->why_dead, sizeof(b->why_dead), "QEMU ended with %s %d",
		info.si_code == CLD_EXITED ? "exit code" : "signal", info.si_status);
	/* Killed from outside it stays dead. By itself it ends only of what the guest did. */
	if (info.si_code != CLD_EXITED && info.si_status != SIGABRT)
		return;
	if (come_up(b, true, &f))
		log_error("the board stays dead", LOG_STR("error", f.text));
}

const char *board_state(struct board *b)
{
	uint32_t dfsr;

	if (b->power != BOARD_ON)
		return b->power == BOARD_OFF ? "off" : "dead";
	debug_read(&b->debug, 0xe000ed30, &dfsr);
	return b->debug.parked ? "lockup" : b->debug.halted ? "halted" : "running";
}
