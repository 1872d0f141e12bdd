/*
 * One board as the administrator wrote it in agent.ini; what a virtual board tells about itself
 * (docs/wire.md section 2) is filled in before the first run. A plain struct: each run works on a
 * copy of its own, so a reload never changes a board under a running job. Strings are "" when
 * nothing was said. board_config_read waits for nothing.
 */
#ifndef HILDA_AGENT_BOARD_CONFIG_H
#define HILDA_AGENT_BOARD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"
#include "common/ini.h"
#include "protocols/ppk2/command.h"

#define BOARD_NAME_BYTES 64
#define BOARD_TAG_BYTES 32
#define BOARD_TAGS_MAX 16
#define BOARD_OPENOCD_FILES_MAX 8
#define BOARD_PATH_BYTES 256
#define BOARD_REGIONS_MAX 12
#define BOARD_SERIAL_BYTES 64
#define BOARD_TOLERANCE_DEFAULT 0.01 /* measurement.md: disagreement over 1 % */

enum flash_mode {
	FLASH_PROGRAM, /* into flash, by OpenOCD's flash drivers */
	FLASH_LOAD     /* into RAM, verified, then reset run */
};

enum power_kind {
	POWER_UNSAID, /* a virtual board's own unit, otherwise none */
	POWER_NONE,
	POWER_PPK2,
	POWER_SYSFS
};

enum exec_kind {
	EXEC_NONE,
	EXEC_LOCAL, /* on this host */
	EXEC_SSH,
	EXEC_ADB,
	EXEC_QEMU /* on this host, under qemu-user: a virtual board */
};

struct memory_region {
	char name[BOARD_TAG_BYTES];
	bool flash; /* false: ram */
	uint64_t base;
	uint64_t bytes;
};

struct board_config {
	char name[BOARD_NAME_BYTES];
	char type[BOARD_NAME_BYTES]; /* what jobs ask for; a virtual board's is its machine */
	char tags[BOARD_TAGS_MAX][BOARD_TAG_BYTES];
	size_t n_tags;

	bool exec; /* the image is a program; exec_kind says where */
	enum exec_kind exec_kind;
	char exec_at[BOARD_PATH_BYTES]; /* ssh: the host, adb: the serial, qemu: as in qemu-NAME */
	char exec_folder[BOARD_PATH_BYTES]; /* ssh, adb: there */
	char ssh_config[BOARD_PATH_BYTES];  /* "": the user's own */
	char exec_user[BOARD_NAME_BYTES];   /* "": the agent's own user */
	bool is_virtual;		    /* emulated: its results are no claims about silicon */
	char machine[BOARD_NAME_BYTES];	    /* virtual = MACHINE; "" with exec = qemu:NAME */

	/* Passed to openocd as -f in this order; a virtual board has one absolute path here. */
	char openocd[BOARD_OPENOCD_FILES_MAX][BOARD_PATH_BYTES];
	size_t n_openocd;
	char probe_serial[BOARD_SERIAL_BYTES]; /* virtual: ready.json's serial */
	enum flash_mode flash;

	/* A path, or "usb:SERIAL:INTERFACE", which console_open finds by libudev. */
	char console[BOARD_PATH_BYTES];
	uint32_t baud;

	char power[BOARD_PATH_BYTES]; /* as written: "ppk2:E1B2C3, source, 3300 mV", "sysfs:PATH" */
	enum power_kind power_kind;
	char power_path
		[BOARD_PATH_BYTES]; /* sysfs: the folder; ppk2: its port where it is no serial */
	char ppk2_serial[BOARD_SERIAL_BYTES]; /* of the unit, or its port's last name */
	enum ppk2_mode ppk2_mode;
	uint32_t power_mV;
	char power_select[BOARD_PATH_BYTES]; /* a program and its arguments, before a session */

	struct memory_region memory[BOARD_REGIONS_MAX];
	size_t n_memory; /* 0: unknown, segments are not checked */

	char mcu[BOARD_NAME_BYTES];
	char idcode[16];		     /* "0x4ba00477"; "": not checked */
	char health_image[BOARD_PATH_BYTES]; /* of this host, for health checks; "": none */
	double clock_tolerance; /* device clock against the host's, as a fraction: 0.01 */

	/* Virtual boards only, from ready.json. */
	uint64_t hz; /* timer ticks per second; 0: unknown */
	uint32_t icount_shift;
	char cpuid[16];
	char qemu[BOARD_TAG_BYTES];
	char control[BOARD_PATH_BYTES]; /* the virtual board's control socket */
	bool own_unit;			/* its PPK2 is the virtual one beside it */
};

/* One [board NAME] section, every key checked. -EINVAL with file:line, the key and what would do. */
int board_config_read(struct ini_section *section, struct board_config *out, struct fault *f);

/* Whether a reload changes nothing; both as board_config_read left them. */
bool board_config_same(const struct board_config *a, const struct board_config *b);

bool board_config_has_tag(const struct board_config *c, const char *tag);

#endif
