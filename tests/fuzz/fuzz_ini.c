/* A configuration file from hostile bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/ini.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

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
		}
		ini_check_used(ini, &f);
		ini_free(ini);
	}
	free(text);
	return 0;
}
