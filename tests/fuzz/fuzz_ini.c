/* A configuration file from hostile bytes: any section, and the boards of an agent. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/board/config.h"
#include "common/ini.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What is read twice is the same, and its lists keep to their room. */
static void read_board(struct ini_section *s)
{
	struct board_config one, two;
	struct fault f;

	if (board_config_read(s, &one, &f))
		return;
	if (board_config_read(s, &two, &f) || !board_config_same(&one, &two) ||
		one.n_tags > BOARD_TAGS_MAX || one.n_openocd > BOARD_OPENOCD_FILES_MAX ||
		one.n_memory > BOARD_REGIONS_MAX || !memchr(one.name, 0, sizeof(one.name)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = strndup((const char *)data, n);
	struct ini_section *s;
	struct ini *ini = NULL;
	struct fault f;
	uint64_t number;
	int64_t ms;
	bool yes;

	if (text && !ini_from_text(text, "fuzz", &ini, &f)) {
		for (size_t i = 0; (s = ini_section_at(ini, i)); i++) {
			ini_get_u64(s, "a", 0, 0, 100, &number, &f);
			ini_get_duration_ms(s, "b", 0, 1000, &ms, &f);
			ini_get_bool(s, "c", false, &yes, &f);
			if (!strcmp(ini_section_kind(s), "board"))
				read_board(s);
		}
		ini_check_used(ini, &f);
		ini_free(ini);
	}
	free(text);
	return 0;
}
