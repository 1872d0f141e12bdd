#include "agent/openocd/judge.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>

#include "agent/openocd/script.h"
#include "common/cleanup.h"
#include "common/numbers.h"

struct pattern {
	const char *words; /* in one line of the output */
	enum outcome outcome;
	const char *meaning;
	const char *remedy;
};

#define PROBE_GONE "probe not found"
#define PROBE_BUSY "the probe is in use by another program"
#define PLUG_IN "plug the probe in; `hilda-agent discover` lists what is there"
#define POWER_CYCLE "power-cycle the board and look at the debug cable"

/*
 * The most telling first: OpenOCD often says the same failure in several ways, one after the
 * other.
 */
static const struct pattern patterns[] = {
	{"UNEXPECTED", OUTCOME_INFRASTRUCTURE, "another chip than configured is on the probe",
		"check which board is plugged in, and `openocd =` of this board"},
	{"LIBUSB_ERROR_ACCESS", OUTCOME_INFRASTRUCTURE, "the probe may not be opened",
		"install the udev rules (60-hilda.rules), or add the agent's user to the probe's "
		"group: hilda, or plugdev where only OpenOCD's rules are"},
	{"LIBUSB_ERROR_BUSY", OUTCOME_INFRASTRUCTURE, PROBE_BUSY, "end the other debugger"},
	{"Error sending data", OUTCOME_INFRASTRUCTURE, "the probe went away while it was used",
		"check the probe's cable and its USB port"},
	{"Error reading data", OUTCOME_INFRASTRUCTURE, "the probe has stopped to answer",
		"unplug the probe and plug it in again"},
	{"LIBUSB_ERROR_NO_DEVICE", OUTCOME_INFRASTRUCTURE, "the probe went away while it was used",
		"check the probe's cable and its USB port"},
	{"Could not open serial port", OUTCOME_INFRASTRUCTURE, PROBE_GONE, PLUG_IN},
	{"unable to find a matching CMSIS-DAP device", OUTCOME_INFRASTRUCTURE, PROBE_GONE, PLUG_IN},
	{"No J-Link device found", OUTCOME_INFRASTRUCTURE, PROBE_GONE, PLUG_IN},
	{"No device matches the serial string", OUTCOME_INFRASTRUCTURE, PROBE_GONE,
		"check `probe-serial =`; `hilda-agent discover` lists the serials"},
	{"unable to open ftdi device", OUTCOME_INFRASTRUCTURE, PROBE_GONE, PLUG_IN},
	{"Error: open failed", OUTCOME_INFRASTRUCTURE, PROBE_GONE, PLUG_IN},
	{"no device found", OUTCOME_INFRASTRUCTURE, PROBE_GONE, PLUG_IN},
	{"Can't find a KitProg device", OUTCOME_INFRASTRUCTURE, PROBE_GONE, PLUG_IN},
	{"Buspirate did not answer", OUTCOME_INFRASTRUCTURE, "the probe does not answer", PLUG_IN},
	{"Buspirate error", OUTCOME_INFRASTRUCTURE, "the probe does not answer", PLUG_IN},
	{"Can't find ", OUTCOME_INFRASTRUCTURE, "OpenOCD's configuration file is missing",
		"check `openocd =` of this board in the agent's configuration"},
	{"invalid command name", OUTCOME_INFRASTRUCTURE,
		"OpenOCD's configuration is not understood",
		"check `openocd =` of this board in the agent's configuration"},
	{"couldn't open", OUTCOME_INFRASTRUCTURE, "OpenOCD cannot open the image file",
		"look whether the agent's spool folder is full or was emptied"},
	{"checksum mismatch", OUTCOME_INFRASTRUCTURE,
		"verify mismatch: the board does not hold what was written",
		"try again; if it stays so, the memory or the debug cable is bad"},
	{"contents differ", OUTCOME_INFRASTRUCTURE,
		"verify mismatch: the board does not hold what was written",
		"try again; if it stays so, the memory or the debug cable is bad"},
	{"Verify Failed", OUTCOME_INFRASTRUCTURE,
		"verify mismatch: the board does not hold what was written",
		"try again; if it stays so, the memory or the debug cable is bad"},
	{"Timeout during WAIT recovery", OUTCOME_INFRASTRUCTURE,
		"the chip's debug port answers WAIT for ever", POWER_CYCLE},
	{"no flash bank found for address", OUTCOME_CONFIGURATION,
		"the image has bytes where the board has no flash",
		"link the image for this board's memory"},
	{"flash memory write protected", OUTCOME_CONFIGURATION,
		"the image has bytes in write-protected flash",
		"link the image elsewhere, or remove the protection"},
	{"Failed to write memory at", OUTCOME_CONFIGURATION,
		"the image has bytes where the board has no memory",
		"link the image for this board's memory"},
	{"STICKY ERROR", OUTCOME_INFRASTRUCTURE, "the chip refuses memory accesses", POWER_CYCLE},
	{"Programming Failed", OUTCOME_INFRASTRUCTURE, "writing the flash failed", POWER_CYCLE},
	{"auto_probe failed", OUTCOME_INFRASTRUCTURE, "the chip's flash cannot be identified",
		POWER_CYCLE},
	{"cannot read IDR", OUTCOME_INFRASTRUCTURE, "the chip does not answer the probe",
		POWER_CYCLE},
	{"unable to connect to the target", OUTCOME_INFRASTRUCTURE,
		"the chip does not answer the probe", POWER_CYCLE},
	{"all ones", OUTCOME_INFRASTRUCTURE, "the chip does not answer the probe", POWER_CYCLE},
	{"all zeroes", OUTCOME_INFRASTRUCTURE, "the chip does not answer the probe", POWER_CYCLE},
	{"ot examined", OUTCOME_INFRASTRUCTURE, "the chip's core cannot be examined", POWER_CYCLE},
	{"timed out while waiting for target", OUTCOME_INFRASTRUCTURE,
		"the chip's core does not halt", POWER_CYCLE},
	{"ot halted", OUTCOME_INFRASTRUCTURE, "the chip's core does not halt", POWER_CYCLE},
};

static const char *line_start(const char *text, const char *at)
{
	while (at > text && at[-1] != '\n')
		at--;
	return at;
}

/* The line that at lies in, without its end and OpenOCD's own level word. */
static void take_line(const char *text, const char *at, char out[OPENOCD_WORDS_BYTES])
{
	static const char *const levels[] = {"Error: ", "Warn : ", "Info : "};
	const char *start = line_start(text, at);
	size_t n = strcspn(start, "\r\n"), k = 0;

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (!strncmp(start, levels[i], strlen(levels[i]))) {
			start += strlen(levels[i]);
			n -= strlen(levels[i]);
			break;
		}
	}
	for (size_t i = 0; i < n && k + 1 < OPENOCD_WORDS_BYTES; i++)
		out[k++] = isprint((unsigned char)start[i]) ? start[i] : '?';
	while (k && out[k - 1] == ' ')
		k--;
	out[k] = 0;
}

/* An address behind words, or false. */
static bool address_behind(const char *at, uint64_t *address)
{
	const char *start = strstr(at, "0x");
	char digits[19];
	size_t n;

	if (!start || start > at + 64)
		return false;
	n = 2 + strspn(start + 2, "0123456789abcdefABCDEF");
	if (n >= sizeof(digits))
		return false;
	memcpy(digits, start, n);
	digits[n] = 0;
	return !number_address(digits, UINT64_MAX, address);
}

static bool has_memory(const struct board_config *board, uint64_t address)
{
	for (size_t i = 0; i < board->n_memory; i++) {
		const struct memory_region *m = &board->memory[i];

		if (address >= m->base && address - m->base < m->bytes)
			return true;
	}
	return false;
}

/* A write that fails where memory exists is the board's fault, not the image's. */
static bool applies(const struct pattern *p, const char *at, const struct board_config *board)
{
	uint64_t address;

	if (strcmp(p->words, "Failed to write memory at"))
		return true;
	return !address_behind(at, &address) || !has_memory(board, address);
}

static const struct pattern *find_pattern(
	const char *text, const struct board_config *board, char words[OPENOCD_WORDS_BYTES])
{
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		const char *at = strstr(text, patterns[i].words);

		if (at && applies(&patterns[i], at, board)) {
			take_line(text, at, words);
			return &patterns[i];
		}
	}
	return NULL;
}

static int error_of(const struct pattern *p)
{
	if (strcmp(p->meaning, PROBE_BUSY) == 0)
		return EBUSY;
	return strcmp(p->meaning, PROBE_GONE) == 0 ? ENODEV : EIO;
}

static void last_words(const char *text, char words[OPENOCD_WORDS_BYTES])
{
	const char *error = NULL, *line = text, *last = NULL;

	for (const char *at = text; (at = strstr(at, "Error: ")); at++)
		error = at;
	while (*line) {
		size_t n = strcspn(line, "\n");

		if (n && strspn(line, " \r") < n)
			last = line;
		line += n + (line[n] == '\n');
	}
	if (error || last)
		take_line(text, error ? error : last, words);
	else
		snprintf(words, OPENOCD_WORDS_BYTES, "%s", "(it printed nothing)");
}

/* The script says where it is: which part did not end? */
static const char *unfinished(const char *text)
{
	if (strstr(text, SCRIPT_STARTING))
		return "starting the board";
	if (strstr(text, SCRIPT_VERIFYING))
		return "verifying";
	if (strstr(text, SCRIPT_WRITING))
		return "writing";
	if (strstr(text, SCRIPT_CONNECTED))
		return "halting the board";
	return "connecting to the probe";
}

enum outcome openocd_judge(const struct process_end *end, const char *text,
	const struct board_config *board, struct fault *f)
{
	char words[OPENOCD_WORDS_BYTES];
	const struct pattern *p;
	bool unexpected = strstr(text, "UNEXPECTED") != NULL;

	if (!end->timed_out && end->code == 0 && end->signal == 0 && !unexpected)
		return OUTCOME_PASSED;
	p = find_pattern(text, board, words);
	if (p) {
		fault_set(
			f, error_of(p), "%s: OpenOCD says '%s'; %s", p->meaning, words, p->remedy);
		return p->outcome;
	}
	last_words(text, words);
	if (end->timed_out && !strstr(text, SCRIPT_WRITING)) {
		fault_set(f, ETIMEDOUT,
			"the probe hangs: OpenOCD was killed while %s; its last words were '%s'; unplug "
			"the probe and plug it in again",
			unfinished(text), words);
		return OUTCOME_INFRASTRUCTURE;
	}
	if (end->timed_out) {
		fault_set(f, ETIMEDOUT,
			"OpenOCD did not end in time and was killed while %s; its last words were '%s'; raise "
			"timeouts_s.flash if the image is large, otherwise look at the probe",
			unfinished(text), words);
		return OUTCOME_TIMEOUT;
	}
	if (end->signal)
		fault_set(f, EIO,
			"OpenOCD was ended by signal %d while %s; its last words were '%s'",
			end->signal, unfinished(text), words);
	else
		fault_set(f, EIO,
			"OpenOCD ended with code %d while %s: '%s'; the run's log has all it said",
			end->code, unfinished(text), words);
	return OUTCOME_INFRASTRUCTURE;
}

static void take_word(const char *text, const char *behind, char *out, size_t room)
{
	const char *at = strstr(text, behind);
	size_t n;

	out[0] = 0;
	if (!at)
		return;
	at += strlen(behind);
	n = strcspn(at, " \t\r\n(");
	if (n < room) {
		memcpy(out, at, n);
		out[n] = 0;
	}
}

void openocd_version(const char *text, char *out, size_t room)
{
	take_word(text, "Open On-Chip Debugger ", out, room);
}

void openocd_idcode(const char *text, char *out, size_t room)
{
	take_word(text, "tap/device found: ", out, room);
	if (!out[0])
		take_word(text, "UNEXPECTED: ", out, room);
	if (!out[0])
		take_word(text, "SWD DPIDR ", out, room);
}

void openocd_adapter(const char *text, char *out, size_t room)
{
	take_word(text, SCRIPT_ADAPTER, out, room);
}
