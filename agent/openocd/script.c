#include "agent/openocd/script.h"

#include <errno.h>
#include <stdarg.h>

#include "common/cleanup.h"

#define CONNECT "echo \"" SCRIPT_ADAPTER "[adapter name]\"; init; echo {" SCRIPT_CONNECTED "}; "
/*
 * Not `reset run`: before it asserts the reset it lets the core go on from wherever it stands,
 * which after a verify is in the middle of OpenOCD's own helper code; the fault that follows is
 * reported by the new firmware. From `reset halt` the core starts exactly once. Then the debugger
 * lets go: with halting debug on and vector catch set, a HardFault would stop the core and never
 * be reported.
 */
#define IS_CORTEX_M "[lsearch {cortex_m hla_target} [[target current] cget -type]] >= 0"
#define LET_GO "mww 0xE000EDF0 0xA05F0000" /* DHCSR: C_DEBUGEN off */
#define START                                                              \
	"echo {" SCRIPT_STARTING "}; reset halt; "                         \
	"set m [expr {" IS_CORTEX_M "}]; "                                 \
	"if {$m} {catch {cortex_m vector_catch none}}; poll off; resume; " \
	"if {$m} {catch {" LET_GO "}}; echo {" SCRIPT_DONE "}; shutdown"
#define VERIFY "echo {" SCRIPT_VERIFYING "}; verify_image $::env(HILDA_IMAGE); "

static const char *const scripts[OPENOCD_ACTIONS] = {
	[OPENOCD_PROGRAM] = CONNECT "reset init; echo {" SCRIPT_WRITING
				    "}; flash write_image erase $::env(HILDA_IMAGE); " VERIFY START,
	[OPENOCD_LOAD] = CONNECT "reset init; echo {" SCRIPT_WRITING
				 "}; load_image $::env(HILDA_IMAGE); " VERIFY START,
	[OPENOCD_RESET] = CONNECT START,
	/* No port, which each user of this host could talk Tcl to. */
	[OPENOCD_GDB] = "gdb_port pipe; " CONNECT,
	[OPENOCD_EXAMINE] = CONNECT "targets; echo {" SCRIPT_DONE "}; shutdown",
};

/* Of the agent's own environment, only what OpenOCD needs to find its files. */
static const char *const passed_on[] = {
	"PATH", "HOME", "LANG", "OPENOCD_SCRIPTS", "LD_LIBRARY_PATH"};

static const char *keep(struct openocd_script *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static const char *keep(struct openocd_script *s, const char *format, ...)
{
	char *at = s->text + s->n_text;
	size_t room = sizeof(s->text) - s->n_text;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(at, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room)
		return NULL;
	s->n_text += (size_t)n + 1;
	return at;
}

static int make_environment(
	const struct board_config *board, const char *image_path, struct openocd_script *s)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++) {
		const char *value = getenv(passed_on[i]);

		if (!value)
			continue;
		s->env[n] = keep(s, "%s=%s", passed_on[i], value);
		if (!s->env[n++])
			return -ENAMETOOLONG;
	}
	if (image_path) {
		s->env[n] = keep(s, "HILDA_IMAGE=%s", image_path);
		if (!s->env[n++])
			return -ENAMETOOLONG;
	}
	if (board->probe_serial[0] && !board->is_virtual) {
		s->env[n] = keep(s, "HILDA_PROBE_SERIAL=%s", board->probe_serial);
		if (!s->env[n++])
			return -ENAMETOOLONG;
	}
	return 0;
}

int openocd_script_make(enum openocd_action action, const struct board_config *board,
	const char *image_path, struct openocd_script *out, struct fault *f)
{
	static const char *const ports[] = {
		"gdb_port disabled", "telnet_port disabled", "tcl_port disabled"};
	size_t n = 0;

	memset(out, 0, sizeof(*out));
	if (board->n_openocd == 0)
		return fault_set(f, EINVAL,
			"board %s has no probe: set `openocd = interface/...cfg, target/...cfg`",
			board->name);
	out->argv[n++] = "openocd";
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		out->argv[n++] = "-c";
		out->argv[n++] = ports[i];
	}
	for (size_t i = 0; i < board->n_openocd; i++) {
		out->argv[n++] = "-f";
		out->argv[n++] = board->openocd[i];
	}
	if (board->probe_serial[0] && !board->is_virtual) {
		out->argv[n++] = "-c";
		out->argv[n++] = "adapter serial $::env(HILDA_PROBE_SERIAL)";
	}
	out->argv[n++] = "-c";
	out->argv[n++] = scripts[action];
	if (make_environment(board, image_path, out))
		return fault_set(f, ENAMETOOLONG, "the environment for OpenOCD is over %d bytes",
			SCRIPT_ENV_BYTES);
	return 0;
}
