#include "virtual-lab/ready.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/cleanup.h"
#include "common/file.h"

#define BAUD 115200
#define FILE_MODE 0644
#define CONFIG_BYTES 8192

static const char interface[] =
	"# Written by hilda-vboard for this board; it is overwritten at each start.\n"
	"adapter driver buspirate\n"
	"buspirate port {%s/probe}\n"
	"buspirate mode normal\n"
	"buspirate vreg 0\n"
	"buspirate pullup 0\n"
	"transport select jtag\n"
	"adapter speed 10000\n"
	"reset_config none\n"
	"gdb_port disabled\n"
	"telnet_port disabled\n"
	"tcl_port disabled\n\n";

static const char target[] = "jtag newtap v cpu -irlen 4 -expected-id 0x%08x\n"
			     "dap create v.dap -chain-position v.cpu\n"
			     "target create v.cpu cortex_m -dap v.dap -ap-num 0\n"
			     "v.cpu configure -work-area-phys 0x%08x -work-area-size 0x%x "
			     "-work-area-backup %d\n"
			     "cortex_m reset_config sysresetreq\n"
			     "%s";

static int save(const struct ready *r, const char *name, const char *text, struct fault *f)
{
	char path[FILE_PATH_BYTES];
	int rc = file_path(path, sizeof(path), "%s/%s", r->folder, name);

	if (rc)
		return fault_set(f, -rc, "%s is too long a path", r->folder);
	return file_write_durable(path, text, strlen(text), FILE_MODE, f);
}

int ready_write_openocd(const struct ready *r, struct fault *f)
{
	const struct machine *m = r->machine;
	_cleanup_(buffer_done) struct buffer text = BUFFER_INIT(CONFIG_BYTES);

	if (buffer_printf(&text, interface, r->folder) ||
		buffer_printf(&text, target, m->idcode, m->work_area, m->work_area_bytes,
			m->work_area_backup, m->flash_banks ? m->flash_banks : ""))
		return fault_set(f, ENAMETOOLONG, "%s is too long a path", r->folder);
	return save(r, "openocd.cfg", text.data, f);
}

static json_t *memory_list(const struct machine *m)
{
	json_t *list = json_array();

	for (const struct region *g = m->regions; g->bytes; g++) {
		if (g->listed)
			json_array_append_new(list,
				json_pack("{s:s, s:s, s:I, s:I}", "name", g->name, "kind",
					g->kind == REGION_FLASH ? "flash" : "ram", "base",
					(json_int_t)g->base, "bytes", (json_int_t)g->bytes));
	}
	return list;
}

static json_t *tag_list(const struct machine *m)
{
	json_t *list = json_array();

	for (int i = 0; m->tags[i]; i++)
		json_array_append_new(list, json_string(m->tags[i]));
	return list;
}

static void set_path(json_t *object, const char *key, const struct ready *r, const char *name)
{
	json_object_set_new(object, key, json_sprintf("%s/%s", r->folder, name));
}

int ready_write(const struct ready *r, struct fault *f)
{
	const struct machine *m = r->machine;
	_cleanup_free_ char *text = NULL;
	json_t *o = json_pack("{s:i, s:s, s:s, s:i}", "version", 1, "machine", m->name, "type",
		m->name, "pid", (int)getpid());

	set_path(o, "probe", r, "probe");
	set_path(o, "console", r, "console");
	set_path(o, "control", r, "control");
	set_path(o, "openocd", r, "openocd.cfg");
	json_object_set_new(o, "flash", json_string(m->flash ? "program" : "load"));
	json_object_set_new(o, "idcode", json_sprintf("0x%08x", m->idcode));
	json_object_set_new(o, "cpuid", json_sprintf("0x%08x", r->cpuid));
	json_object_set_new(o, "mcu", json_string(m->mcu));
	json_object_set_new(o, "hz", json_integer(m->hz));
	json_object_set_new(o, "icount_shift", json_integer(m->icount_shift));
	json_object_set_new(o, "uart_baud", json_integer(BAUD));
	json_object_set_new(o, "tags", tag_list(m));
	json_object_set_new(o, "memory", memory_list(m));
	json_object_set_new(o, "serial", json_string(r->serial));
	set_path(o, "ppk2", r, "ppk2");
	json_object_set_new(o, "ppk2_serial", json_string(r->ppk2_serial));
	json_object_set_new(o, "qemu", json_string(r->qemu));
	text = json_dumps(o, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	json_decref(o);
	return text ? save(r, "ready.json", text, f) : fault_set(f, ENOMEM, "no memory");
}
