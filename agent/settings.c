#include "agent/settings.h"

#include <errno.h>
#include <unistd.h>

#include "agent/board/vboard.h"
#include "common/cleanup.h"
#include "common/numbers.h"

#define CACHE_DEFAULT_BYTES (1024ull * 1024 * 1024)
#define CACHE_MAX_BYTES (1024ull * 1024 * 1024 * 1024)
#define STOP_GRACE_DEFAULT_MS 20000
#define STOP_GRACE_MAX_MS 3600000

const char settings_help[] =
	"Settings (agent.ini), with their defaults:\n"
	"  [agent]\n"
	"  name = (the host's name)        how the server shows this agent\n"
	"  server = http://127.0.0.1:8080  the server's address\n"
	"  token-file =                    a file that holds the agent's token; empty: none is sent\n"
	"  ca =                            https: a file of certificates to trust; empty: the system's\n"
	"  data = /var/lib/hilda-agent     spool, epochs, cached images, virtual boards\n"
	"  run = /run/lock/hilda           locks of probes, consoles and PPK2s, shared by agents\n"
	"  libexec = " HILDA_LIBEXECDIR "  where hilda-vboard is, if not beside this program\n"
	"  cache = 1024M                   most that cached images take\n"
	"  stop-grace = 20s                how long running jobs may go on after SIGTERM\n"
	"\n"
	"  [board NAME]                    one section for each board\n"
	"  type =                          what jobs ask for; a virtual board's is its machine\n"
	"  tags =                          comma list; jobs may ask for them too. By cortex-m4 (or mcu =)\n"
	"                                  an image for another core is refused before flashing\n"
	"  openocd =                       comma list of OpenOCD's configuration files\n"
	"  probe-serial =                  the debug probe's USB serial number\n"
	"  flash = program                 or load: into RAM, verify, start\n"
	"  console =                       a path below /dev/serial/by-id, or usb:SERIAL:INTERFACE\n"
	"  baud = 115200\n"
	"  power =                         ppk2:SERIAL, source, 3300 mV; sysfs:PATH; none\n"
	"  power-select =                  PROGRAM ARGUMENTS: runs before a session with a shared PPK2\n"
	"  memory =                        flash 0x0 256K, ram 0x20000000 16K; empty: not checked\n"
	"  mcu =                           the chip's name, for results\n"
	"  idcode =                        what the probe must find, e.g. 0x2ba01477\n"
	"  health-image =                  an image of our bench protocol that is known to work: put onto\n"
	"                                  the board before it comes back from quarantine\n"
	"  clock-tolerance = 1 %           device clock against the host's\n"
	"  virtual =                       MACHINE: an emulated board (hilda-vboard --help)\n"
	"  exec =                          the image is a program: local (on this host), ssh:[USER@]HOST,\n"
	"                                  adb:SERIAL, or qemu:aarch64 (emulated on this host, virtual)\n"
	"  exec-user =                     who runs it on this host; empty: the agent's user\n"
	"  exec-folder =                   ssh, adb: where images are kept there; ssh: .cache/hilda in\n"
	"                                  the user's folder, adb: /data/local/tmp/hilda\n"
	"  ssh-config =                    ssh's configuration file; empty: the agent's user's\n"
	"\n"
	"Example:\n"
	"  [agent]\n"
	"  name = bench-3\n"
	"  server = http://127.0.0.1:8080\n"
	"  [board nucleo-1]\n"
	"  type = nucleo-f446re\n"
	"  tags = cortex-m4, ppk2\n"
	"  openocd = interface/stlink.cfg, target/stm32f4x.cfg\n"
	"  probe-serial = 066AFF505055657867\n"
	"  console = usb:066AFF505055657867:0\n"
	"  memory = flash 0x08000000 512K, ram 0x20000000 128K\n"
	"  power = ppk2:E1B2C3, source, 3300 mV\n"
	"  [board m55-1]\n"
	"  virtual = mps3-an547\n"
	"  [board host-1]\n"
	"  type = host\n"
	"  exec = local\n";

static int text(struct ini_section *s, const char *key, const char *fallback, char *out,
	size_t room, struct fault *f)
{
	const char *value = s ? ini_get(s, key) : NULL;

	if (!value)
		value = fallback;
	if (strlen(value) >= room)
		return fault_set(f, EINVAL,
			"line %d: [agent] %s is too long (%zu characters at most)",
			ini_section_line(s), key, room - 1);
	memcpy(out, value, strlen(value) + 1);
	return 0;
}

static int folder(struct ini_section *s, const char *key, const char *fallback,
	char out[BOARD_PATH_BYTES], struct fault *f)
{
	int rc = text(s, key, fallback, out, BOARD_PATH_BYTES, f);

	if (!rc && out[0] != '/')
		rc = fault_set(f, EINVAL, "line %d: [agent] %s = %s: give an absolute path",
			ini_section_line(s), key, out);
	return rc;
}

static int read_agent(struct ini_section *s, struct agent_settings *a, struct fault *f)
{
	char host[BOARD_NAME_BYTES] = "agent";
	const char *cache;
	int rc;

	if (s)
		ini_section_use(s);
	gethostname(host, sizeof(host) - 1);
	rc = text(s, "name", host, a->name, sizeof(a->name), f);
	if (!rc)
		rc = text(s, "server", "http://127.0.0.1:8080", a->server, sizeof(a->server), f);
	if (!rc)
		rc = text(s, "token-file", "", a->token_file, sizeof(a->token_file), f);
	if (!rc)
		rc = text(s, "ca", "", a->ca, sizeof(a->ca), f);
	if (!rc)
		rc = folder(s, "data", "/var/lib/hilda-agent", a->data, f);
	if (!rc)
		rc = folder(s, "run", "/run/lock/hilda", a->run, f);
	if (!rc)
		rc = folder(s, "libexec", HILDA_LIBEXECDIR, a->libexec, f);
	if (!rc)
		rc = ini_get_duration_ms(s, "stop-grace", STOP_GRACE_DEFAULT_MS, STOP_GRACE_MAX_MS,
			&a->stop_grace_ms, f);
	if (rc)
		return rc;
	a->cache_bytes = CACHE_DEFAULT_BYTES;
	cache = s ? ini_get(s, "cache") : NULL;
	if (cache && number_size(cache, CACHE_MAX_BYTES, &a->cache_bytes))
		return fault_set(f, EINVAL, "line %d: [agent] cache = %s: give a size like 512M",
			ini_section_line(s), cache);
	if (strncmp(a->server, "http://", 7) != 0 && strncmp(a->server, "https://", 8) != 0)
		return fault_set(f, EINVAL,
			"[agent] server = %s: it starts with http:// or https://", a->server);
	return 0;
}

static int read_boards(struct ini *ini, struct agent_settings *a, struct fault *f)
{
	struct ini_section *s;

	for (size_t i = 0; (s = ini_section_at(ini, i)); i++) {
		int rc;

		if (strcmp(ini_section_kind(s), "board") != 0)
			continue;
		if (a->n_boards == SETTINGS_BOARDS_MAX)
			return fault_set(f, E2BIG,
				"line %d: more than %d boards; start a second agent",
				ini_section_line(s), SETTINGS_BOARDS_MAX);
		rc = board_config_read(s, &a->boards[a->n_boards], f);
		if (rc)
			return rc;
		a->n_boards++;
	}
	return 0;
}

static int read_all(struct ini *ini, const char *path, struct agent_settings **out, struct fault *f)
{
	struct agent_settings *a = calloc(1, sizeof(*a));
	size_t sections = 0;
	int rc = -ENOMEM;

	while (ini_section_at(ini, sections))
		sections++;
	if (a)
		a->boards = calloc(sections + 1, sizeof(*a->boards));
	if (!a || !a->boards)
		fault_errno(f, ENOMEM, "agent settings");
	else
		rc = read_agent(ini_section_find(ini, "agent", ""), a, f);
	if (!rc)
		rc = read_boards(ini, a, f);
	if (rc) {
		settings_free(a);
		return rc == -ENOMEM ? rc : fault_wrap(f, "%s", path);
	}
	rc = ini_check_used(ini, f);
	if (rc) {
		settings_free(a);
		return rc;
	}
	*out = a;
	return 0;
}

int settings_parse(
	const char *text_, const char *path, struct agent_settings **out, struct fault *f)
{
	struct ini *ini;
	int rc = ini_from_text(text_, path, &ini, f);

	if (rc)
		return rc;
	rc = read_all(ini, path, out, f);
	ini_free(ini);
	return rc;
}

int settings_load(const char *path, struct agent_settings **out, struct fault *f)
{
	struct ini *ini;
	int rc = ini_load(path, &ini, f);

	if (rc)
		return rc;
	rc = read_all(ini, path, out, f);
	ini_free(ini);
	return rc;
}

/* A token that cannot be read is seen at the first call only. */
static int check_token(struct ini_section *s, const struct agent_settings *a, struct fault *f)
{
	if (!a->token_file[0] || access(a->token_file, R_OK) == 0)
		return 0;
	return fault_errno(f, errno,
		"line %d: [agent] token-file = %s: `hildad token create --scopes agent --host %s` on the "
		"server's host makes one; it must be readable here",
		ini_line(s, "token-file"), a->token_file, a->name);
}

static unsigned say_failed(
	int rc, struct ini_section *s, const struct fault *f, fault_say say, void *arg)
{
	if (!rc)
		return 0;
	say(arg, f);
	if (s)
		ini_section_use_all(s);
	return 1;
}

/* A name that hilda-vboard does not know would be tried again and again. */
static int check_machine(struct ini_section *s, const struct board_config *board,
	const char *libexec, struct fault *f)
{
	struct fault why;

	if (!board->is_virtual || !libexec[0] ||
		vboard_check_machine(libexec, board->machine, &why) == 0)
		return 0;
	return fault_set(f, EINVAL, "line %d: [board %s] virtual = %s: %s", ini_line(s, "virtual"),
		board->name, board->machine, why.text);
}

static unsigned check_boards(struct ini *ini, const char *path, const char *libexec,
	struct board_config *room, fault_say say, void *arg)
{
	struct ini_section *s;
	unsigned n = 0;

	for (size_t i = 0; (s = ini_section_at(ini, i)); i++) {
		struct fault f = {0};
		int rc;

		if (strcmp(ini_section_kind(s), "board") != 0)
			continue;
		rc = board_config_read(s, room, &f);
		if (!rc)
			rc = check_machine(s, room, libexec, &f);
		if (rc)
			fault_wrap(&f, "%s", path);
		n += say_failed(rc, s, &f, say, arg);
	}
	return n;
}

unsigned settings_check(const char *path, fault_say say, void *arg)
{
	_cleanup_free_ struct agent_settings *a = calloc(1, sizeof(*a));
	_cleanup_free_ struct board_config *room = calloc(1, sizeof(*room));
	struct ini_section *agent;
	struct fault f = {0};
	struct ini *ini;
	unsigned n;
	int rc = a && room ? ini_load(path, &ini, &f) : fault_errno(&f, ENOMEM, "%s", path);

	if (rc) {
		say(arg, &f);
		return 1;
	}
	agent = ini_section_find(ini, "agent", "");
	rc = read_agent(agent, a, &f);
	if (!rc && agent)
		rc = check_token(agent, a, &f);
	if (rc)
		fault_wrap(&f, "%s", path);
	n = say_failed(rc, agent, &f, say, arg);
	n += check_boards(ini, path, a->libexec, room, say, arg);
	n += ini_say_unused(ini, say, arg);
	ini_free(ini);
	return n;
}

void settings_free(struct agent_settings *s)
{
	if (!s)
		return;
	free(s->boards);
	free(s);
}
