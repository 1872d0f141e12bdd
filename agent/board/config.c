#include "agent/board/config.h"

#include <ctype.h>
#include <errno.h>

#include "common/cleanup.h"
#include "common/numbers.h"

#define VALUE_MAX_BYTES 1024
#define WORDS_MAX 16
#define BAUD_DEFAULT 115200

static int bad(struct ini_section *s, const char *key, struct fault *f, const char *why)
{
	return fault_set(f, EINVAL, "line %d: [%s %s] %s = %s: %s", ini_section_line(s),
		ini_section_kind(s), ini_section_name(s), key,
		ini_get(s, key) ? ini_get(s, key) : "", why);
}

/* A value that fits into a field, "" when absent. */
static int text(struct ini_section *s, const char *key, char *out, size_t room, struct fault *f)
{
	const char *value = ini_get(s, key);

	if (!value)
		return 0;
	if (strlen(value) >= room)
		return bad(s, key, f, "too long");
	memcpy(out, value, strlen(value) + 1);
	return 0;
}

/* Cuts in place at the separators, trims blanks; -E2BIG over WORDS_MAX. */
static int split(char *value, const char *separators, char *words[WORDS_MAX])
{
	int n = 0;
	char *rest = value;
	char *word;

	while ((word = strsep(&rest, separators))) {
		while (isspace((unsigned char)*word))
			word++;
		for (char *end = word + strlen(word);
			end > word && isspace((unsigned char)end[-1]);)
			*--end = '\0';
		if (!*word)
			continue;
		if (n == WORDS_MAX)
			return -E2BIG;
		words[n++] = word;
	}
	return n;
}

/* A copy of the value cut into words; *copy keeps them alive. Absent: no words. */
static int words_of(struct ini_section *s, const char *key, char copy[VALUE_MAX_BYTES],
	char *words[WORDS_MAX], int *n, struct fault *f)
{
	int rc;

	copy[0] = '\0';
	*n = 0;
	rc = text(s, key, copy, VALUE_MAX_BYTES, f);
	if (rc)
		return rc;
	*n = split(copy, ",", words);
	return *n < 0 ? bad(s, key, f, "more than 16 values") : 0;
}

/* Names become file names, and words in logs and URLs. */
static bool plain_name(const char *name)
{
	if (!isalnum((unsigned char)name[0]))
		return false;
	for (const char *p = name; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("._-+", *p))
			return false;
	}
	return true;
}

static int read_tags(struct ini_section *s, struct board_config *c, struct fault *f)
{
	char copy[VALUE_MAX_BYTES];
	char *words[WORDS_MAX];
	int n;
	int rc = words_of(s, "tags", copy, words, &n, f);

	if (rc)
		return rc;
	for (int i = 0; i < n; i++) {
		if (strlen(words[i]) >= BOARD_TAG_BYTES || !plain_name(words[i]))
			return bad(s, "tags", f, "a tag is up to 31 letters, digits and ._-+");
		memcpy(c->tags[c->n_tags++], words[i], strlen(words[i]) + 1);
	}
	return 0;
}

static int read_openocd(struct ini_section *s, struct board_config *c, struct fault *f)
{
	char copy[VALUE_MAX_BYTES];
	char *words[WORDS_MAX];
	int n;
	int rc = words_of(s, "openocd", copy, words, &n, f);

	if (rc)
		return rc;
	if (n > BOARD_OPENOCD_FILES_MAX)
		return bad(
			s, "openocd", f, "more than 8 files; source the others from one of them");
	for (int i = 0; i < n; i++) {
		if (strlen(words[i]) >= BOARD_PATH_BYTES)
			return bad(s, "openocd", f, "a file name is too long");
		memcpy(c->openocd[c->n_openocd++], words[i], strlen(words[i]) + 1);
	}
	return 0;
}

/* "ram 0x20000000 16K" */
static int read_region(char *value, struct memory_region *r)
{
	char *words[WORDS_MAX];
	int n = split(value, " \t", words);

	if (n != 3 || (strcmp(words[0], "flash") != 0 && strcmp(words[0], "ram") != 0))
		return -EINVAL;
	snprintf(r->name, sizeof(r->name), "%s", words[0]);
	r->flash = strcmp(words[0], "flash") == 0;
	if (number_address(words[1], UINT64_MAX, &r->base) ||
		number_size(words[2], UINT64_MAX, &r->bytes))
		return -EINVAL;
	return !r->bytes || r->base > UINT64_MAX - r->bytes ? -EINVAL : 0;
}

static int read_memory(struct ini_section *s, struct board_config *c, struct fault *f)
{
	char copy[VALUE_MAX_BYTES];
	char *words[WORDS_MAX];
	int n;
	int rc = words_of(s, "memory", copy, words, &n, f);

	if (rc)
		return rc;
	if (n > BOARD_REGIONS_MAX)
		return bad(s, "memory", f, "more than 12 regions");
	for (int i = 0; i < n; i++) {
		if (read_region(words[i], &c->memory[c->n_memory]))
			return bad(s, "memory", f,
				"regions look like: flash 0x0 256K, ram 0x20000000 16K");
		c->n_memory++;
	}
	return 0;
}

/* "1 %" or "0.01" */
static int read_tolerance(struct ini_section *s, struct board_config *c, struct fault *f)
{
	char copy[32] = "";
	double scale = 1;
	size_t n;
	int rc = text(s, "clock-tolerance", copy, sizeof(copy), f);

	c->clock_tolerance = BOARD_TOLERANCE_DEFAULT;
	if (rc || !copy[0])
		return rc;
	n = strlen(copy);
	if (copy[n - 1] == '%') {
		scale = 0.01;
		copy[--n] = '\0';
		while (n && copy[n - 1] == ' ')
			copy[--n] = '\0';
	}
	if (number_f64(copy, 0, 0.5 / scale, &c->clock_tolerance))
		return bad(s, "clock-tolerance", f, "give a share like 1 % or 0.01, up to 50 %");
	c->clock_tolerance *= scale;
	return 0;
}

/* "ppk2:SERIAL" or "ppk2:/dev/..." */
static int read_ppk2(
	struct ini_section *s, const char *unit, struct board_config *c, struct fault *f)
{
	const char *name = unit;

	if (unit[0] == '/') {
		name = strrchr(unit, '/') + 1;
		memcpy(c->power_path, unit, strlen(unit) + 1);
	}
	if (!plain_name(name) || strlen(name) >= sizeof(c->ppk2_serial))
		return bad(s, "power", f,
			"after ppk2: comes the unit's serial number, as hilda-agent discover prints it, "
			"or the path of its port");
	memcpy(c->ppk2_serial, name, strlen(name) + 1);
	c->power_kind = POWER_PPK2;
	c->ppk2_mode = PPK2_SOURCE;
	return 0;
}

/* "source", "ampere", "3300 mV" */
static int read_ppk2_word(
	struct ini_section *s, char *word, struct board_config *c, struct fault *f)
{
	size_t length = strlen(word);
	uint64_t mV;

	if (!strcmp(word, "source") || !strcmp(word, "ampere")) {
		c->ppk2_mode = word[0] == 'a' ? PPK2_AMPERE : PPK2_SOURCE;
		return 0;
	}
	if (length <= 3 || strcmp(word + length - 3, " mV") != 0)
		return bad(s, "power", f, "use ppk2:SERIAL, source or ampere, 3300 mV");
	word[length - 3] = '\0';
	if (number_u64(word, PPK2_VOLTAGE_MIN_MV, PPK2_VOLTAGE_MAX_MV, &mV))
		return bad(s, "power", f, "the voltage is 800 to 5000 mV");
	c->power_mV = (uint32_t)mV;
	return 0;
}

static int read_power(struct ini_section *s, struct board_config *c, struct fault *f)
{
	char copy[VALUE_MAX_BYTES];
	char *words[WORDS_MAX];
	int n;
	int rc = text(s, "power", c->power, sizeof(c->power), f);

	if (!rc)
		rc = text(s, "power-select", c->power_select, sizeof(c->power_select), f);
	if (!rc)
		rc = words_of(s, "power", copy, words, &n, f);
	if (rc || !n)
		return rc;
	if (strcmp(words[0], "none") == 0) {
		c->power_kind = POWER_NONE;
		return 0;
	}
	if (strncmp(words[0], "sysfs:/", 7) == 0) {
		c->power_kind = POWER_SYSFS;
		memcpy(c->power_path, words[0] + 6, strlen(words[0] + 6) + 1);
		return 0;
	}
	if (strncmp(words[0], "ppk2:", 5) != 0)
		return bad(s, "power", f, "use ppk2:SERIAL, source, 3300 mV or sysfs:PATH or none");
	rc = read_ppk2(s, words[0] + 5, c, f);
	for (int i = 1; !rc && i < n; i++)
		rc = read_ppk2_word(s, words[i], c, f);
	/* A guess could burn a board, or be wrong by a factor in every result. */
	if (!rc && !c->power_mV)
		rc = bad(
			s, "power", f, "the voltage is missing, e.g. ppk2:SERIAL, source, 3300 mV");
	return rc;
}

/* An alias, a name or an address, with a user in front; nothing that ssh would take for an option. */
static bool plain_host(const char *host)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-+:@%[]";

	return host[0] && host[0] != '-' && host[strspn(host, allowed)] == '\0';
}

static bool plain_folder(const char *path)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-+/";

	return path[0] && path[0] != '-' && path[strspn(path, allowed)] == '\0' &&
		!strstr(path, "..");
}

static int read_exec(struct ini_section *s, struct board_config *c, struct fault *f)
{
	static const struct {
		const char *word;
		enum exec_kind kind;
		const char *folder;
	} kinds[] = {{"local", EXEC_LOCAL, ""}, {"ssh:", EXEC_SSH, ".cache/hilda"},
		{"adb:", EXEC_ADB, "/data/local/tmp/hilda"}, {"qemu:", EXEC_QEMU, ""}};
	const char *exec = ini_get(s, "exec"), *at;
	size_t i = 0;
	int rc;

	if (!exec)
		return 0;
	while (i < ARRAY_SIZE(kinds) && strncmp(exec, kinds[i].word, strlen(kinds[i].word)) != 0)
		i++;
	at = i < ARRAY_SIZE(kinds) ? exec + strlen(kinds[i].word) : "";
	if (i == ARRAY_SIZE(kinds) || (kinds[i].kind == EXEC_LOCAL) != (at[0] == '\0'))
		return bad(s, "exec", f, "use local, ssh:HOST, adb:SERIAL or qemu:aarch64");
	if (kinds[i].kind != EXEC_LOCAL && !plain_host(at))
		return bad(s, "exec", f,
			"a host, serial or emulator is letters, digits and ._-+:@%[], no dash first");
	if (kinds[i].kind == EXEC_QEMU && !plain_name(at))
		return bad(s, "exec", f, "use the NAME of a program qemu-NAME, e.g. aarch64");
	if (strlen(at) >= sizeof(c->exec_at))
		return bad(s, "exec", f, "too long");
	c->exec = true;
	c->exec_kind = kinds[i].kind;
	memcpy(c->exec_at, at, strlen(at) + 1);
	c->is_virtual = c->is_virtual || c->exec_kind == EXEC_QEMU;
	memcpy(c->exec_folder, kinds[i].folder, strlen(kinds[i].folder) + 1);
	rc = text(s, "exec-folder", c->exec_folder, sizeof(c->exec_folder), f);
	if (!rc)
		rc = text(s, "ssh-config", c->ssh_config, sizeof(c->ssh_config), f);
	if (!rc && !kinds[i].folder[0] && c->exec_folder[0])
		rc = bad(s, "exec-folder", f, "only boards behind ssh or adb have one");
	if (!rc && c->exec_folder[0] && !plain_folder(c->exec_folder))
		rc = bad(s, "exec-folder", f, "use letters, digits and ._-+/");
	if (!rc && c->exec_kind == EXEC_ADB && c->exec_folder[0] != '/')
		rc = bad(s, "exec-folder", f, "adb needs the whole path");
	if (!rc && c->ssh_config[0] && c->exec_kind != EXEC_SSH)
		rc = bad(s, "ssh-config", f, "only boards behind ssh have one");
	return rc;
}

static int read_kind(struct ini_section *s, struct board_config *c, struct fault *f)
{
	const char *exec = ini_get(s, "exec");
	const char *flash = ini_get(s, "flash");
	int rc = text(s, "virtual", c->machine, sizeof(c->machine), f);

	if (rc)
		return rc;
	c->is_virtual = c->machine[0] != '\0';
	if (c->is_virtual && !plain_name(c->machine))
		return bad(s, "virtual", f, "not a machine's name; hilda-vboard --help lists them");
	if (exec && c->machine[0])
		return bad(s, "exec", f, "a board is either exec or virtual");
	rc = read_exec(s, c, f);
	if (rc)
		return rc;
	if (flash && strcmp(flash, "program") != 0 && strcmp(flash, "load") != 0)
		return bad(s, "flash", f, "use program (into flash) or load (into RAM)");
	c->flash = flash && strcmp(flash, "load") == 0 ? FLASH_LOAD : FLASH_PROGRAM;
	rc = text(s, "exec-user", c->exec_user, sizeof(c->exec_user), f);
	if (!rc && c->exec_user[0] && (c->exec_kind == EXEC_SSH || c->exec_kind == EXEC_ADB))
		rc = bad(s, "exec-user", f,
			"for another host write the user into exec = ssh:USER@HOST");
	return rc;
}

/* What each kind of board cannot do without. */
static int check_whole(struct ini_section *s, struct board_config *c, struct fault *f)
{
	const char *unknown = ini_section_unused(s);
	uint64_t number;

	if (unknown) /* before it is told what is missing because of it */
		return bad(s, unknown, f, "no such key; hilda-agent --help lists them");
	if (!c->type[0] && c->machine[0])
		memcpy(c->type, c->machine, sizeof(c->type));
	if (!c->type[0])
		return bad(s, "type", f, "missing; jobs ask for boards by it, e.g. nucleo-f446re");
	if (!plain_name(c->type))
		return bad(s, "type", f, "use letters, digits and ._-+");
	if (c->idcode[0] && number_address(c->idcode, UINT32_MAX, &number))
		return bad(s, "idcode", f, "use hexadecimal, e.g. 0x2ba01477");
	if (c->probe_serial[0] && !plain_name(c->probe_serial))
		return bad(s, "probe-serial", f, "use letters, digits and ._-+");
	if (c->exec || c->is_virtual)
		return 0;
	if (!c->n_openocd)
		return bad(s, "openocd", f,
			"missing; name OpenOCD's files, or say virtual = MACHINE or exec = local");
	if (!c->console[0])
		return bad(s, "console", f,
			"missing; a path below /dev/serial/by-id or usb:SERIAL:INTERFACE");
	return 0;
}

int board_config_read(struct ini_section *s, struct board_config *out, struct fault *f)
{
	struct board_config c = {0};
	const char *name = ini_section_name(s);
	uint64_t baud;
	int rc;

	ini_section_use(s);
	if (!plain_name(name) || strlen(name) >= sizeof(c.name))
		return fault_set(f, EINVAL,
			"line %d: [board %s]: a name is up to 63 letters, digits and ._-+",
			ini_section_line(s), name);
	memcpy(c.name, name, strlen(name) + 1);
	rc = read_kind(s, &c, f);
	if (!rc)
		rc = text(s, "type", c.type, sizeof(c.type), f);
	if (!rc)
		rc = text(s, "probe-serial", c.probe_serial, sizeof(c.probe_serial), f);
	if (!rc)
		rc = text(s, "console", c.console, sizeof(c.console), f);
	if (!rc)
		rc = text(s, "mcu", c.mcu, sizeof(c.mcu), f);
	if (!rc)
		rc = text(s, "idcode", c.idcode, sizeof(c.idcode), f);
	if (!rc)
		rc = text(s, "health-image", c.health_image, sizeof(c.health_image), f);
	if (!rc && c.health_image[0] && c.health_image[0] != '/')
		rc = bad(s, "health-image", f, "give an absolute path of an image on this machine");
	if (!rc)
		rc = ini_get_u64(s, "baud", BAUD_DEFAULT, 300, 12000000, &baud, f);
	if (!rc)
		rc = read_tags(s, &c, f);
	if (!rc)
		rc = read_openocd(s, &c, f);
	if (!rc)
		rc = read_memory(s, &c, f);
	if (!rc)
		rc = read_tolerance(s, &c, f);
	if (!rc)
		rc = read_power(s, &c, f);
	if (!rc)
		rc = check_whole(s, &c, f);
	if (rc)
		return rc;
	c.baud = (uint32_t)baud;
	*out = c;
	return 0;
}

bool board_config_same(const struct board_config *a, const struct board_config *b)
{
	/* Read from zeroed structs, so that padding and unused rows are equal too. */
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool board_config_has_tag(const struct board_config *c, const char *tag)
{
	for (size_t i = 0; i < c->n_tags; i++) {
		if (strcmp(c->tags[i], tag) == 0)
			return true;
	}
	return false;
}
