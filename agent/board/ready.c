#include "agent/board/ready.h"

#include <errno.h>
#include <jansson.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"

#define READY_VERSION 1
#define OWN_UNIT_MV 3300

static int bad(struct fault *f, const char *path, const char *key)
{
	return fault_set(f, EPROTO,
		"%s: '%s' is absent or wrong; hilda-vboard and hilda-agent are of different versions",
		path, key);
}

static int text(const json_t *doc, const char *key, char *out, size_t room)
{
	const char *value = json_string_value(json_object_get(doc, key));

	if (!value || strlen(value) >= room)
		return -EPROTO;
	memset(out, 0, room);
	memcpy(out, value, strlen(value));
	return 0;
}

static int number(const json_t *doc, const char *key, json_int_t max, uint64_t *out)
{
	const json_t *value = json_object_get(doc, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
		json_integer_value(value) > max)
		return -EPROTO;
	*out = (uint64_t)json_integer_value(value);
	return 0;
}

static int memory(const json_t *list, struct board_config *c)
{
	const json_t *item;
	size_t i;

	c->n_memory = 0;
	json_array_foreach (list, i, item) {
		const char *kind = json_string_value(json_object_get(item, "kind"));
		struct memory_region *r = &c->memory[i];

		if (i == BOARD_REGIONS_MAX || !kind ||
			text(item, "name", r->name, sizeof(r->name)) ||
			number(item, "base", INT64_MAX, &r->base) ||
			number(item, "bytes", INT64_MAX, &r->bytes))
			return -EPROTO;
		r->flash = strcmp(kind, "flash") == 0;
		c->n_memory++;
	}
	return c->n_memory ? 0 : -EPROTO;
}

/* The administrator's tags and the machine's own. */
static int tags(const json_t *list, struct board_config *c)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item) {
		const char *tag = json_string_value(item);

		if (!tag || strlen(tag) >= BOARD_TAG_BYTES)
			return -EPROTO;
		if (board_config_has_tag(c, tag))
			continue;
		if (c->n_tags == BOARD_TAGS_MAX)
			return -EPROTO;
		memcpy(c->tags[c->n_tags++], tag, strlen(tag) + 1);
	}
	return 0;
}

/* Its own PPK2, unless the administrator named another meter. */
static int own_unit(const json_t *doc, struct board_config *c)
{
	if (c->power_kind != POWER_UNSAID && !c->own_unit)
		return 0;
	c->own_unit = true;
	c->power_kind = POWER_PPK2;
	c->ppk2_mode = PPK2_SOURCE;
	c->power_mV = OWN_UNIT_MV;
	return text(doc, "ppk2", c->power_path, sizeof(c->power_path)) ||
			text(doc, "ppk2_serial", c->ppk2_serial, sizeof(c->ppk2_serial))
		? -EPROTO
		: 0;
}

static int fill(const json_t *doc, const char *path, struct board_config *c, struct fault *f)
{
	const char *flash = json_string_value(json_object_get(doc, "flash"));
	uint64_t version, shift, baud;

	if (number(doc, "version", READY_VERSION, &version) || version != READY_VERSION)
		return bad(f, path, "version");
	if (!flash || (strcmp(flash, "program") != 0 && strcmp(flash, "load") != 0))
		return bad(f, path, "flash");
	c->flash = strcmp(flash, "load") == 0 ? FLASH_LOAD : FLASH_PROGRAM;
	c->n_openocd = 1;
	if (text(doc, "openocd", c->openocd[0], sizeof(c->openocd[0])))
		return bad(f, path, "openocd");
	if (text(doc, "console", c->console, sizeof(c->console)))
		return bad(f, path, "console");
	if (text(doc, "control", c->control, sizeof(c->control)))
		return bad(f, path, "control");
	if (text(doc, "serial", c->probe_serial, sizeof(c->probe_serial)))
		return bad(f, path, "serial");
	if (text(doc, "idcode", c->idcode, sizeof(c->idcode)))
		return bad(f, path, "idcode");
	if (text(doc, "cpuid", c->cpuid, sizeof(c->cpuid)))
		return bad(f, path, "cpuid");
	if (text(doc, "mcu", c->mcu, sizeof(c->mcu)))
		return bad(f, path, "mcu");
	if (text(doc, "qemu", c->qemu, sizeof(c->qemu)))
		return bad(f, path, "qemu");
	if (number(doc, "hz", INT64_MAX, &c->hz) || !c->hz)
		return bad(f, path, "hz");
	if (number(doc, "icount_shift", 20, &shift))
		return bad(f, path, "icount_shift");
	if (number(doc, "uart_baud", UINT32_MAX, &baud) || !baud)
		return bad(f, path, "uart_baud");
	if (json_object_get(doc, "ppk2") && own_unit(doc, c))
		return bad(f, path, "ppk2");
	if (memory(json_object_get(doc, "memory"), c))
		return bad(f, path, "memory");
	if (tags(json_object_get(doc, "tags"), c))
		return bad(f, path, "tags");
	c->icount_shift = (uint32_t)shift;
	c->baud = (uint32_t)baud;
	return 0;
}

int ready_read(const char *path, struct board_config *config, struct fault *f)
{
	struct board_config c = *config;
	_cleanup_free_ char *data = NULL;
	json_t *doc;
	size_t n;
	int rc;

	if (access(path, F_OK))
		return fault_errno(f, errno, "%s", path);
	rc = file_read(path, READY_MAX_BYTES, &data, &n, f);
	if (rc)
		return rc;
	doc = json_loadb(data, n, 0, NULL);
	rc = json_is_object(doc) ? fill(doc, path, &c, f)
				 : fault_set(f, EPROTO, "%s is not a JSON object", path);
	json_decref(doc);
	if (!rc)
		*config = c;
	return rc;
}
