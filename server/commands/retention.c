/* hildad retention: what would be removed now, with these settings. */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "server/commands/commands.h"
#include "server/retention/preview.h"
#include "server/store/store.h"

int command_retention(const struct settings *s, int argc, char **argv)
{
	struct store_reader *reader = NULL;
	struct fault f = {0};
	int rc;

	(void)argv;
	if (argc) {
		fprintf(stderr, "hildad: `hildad retention` takes no words but the settings\n");
		return 2;
	}
	rc = store_reader_open(s->data, &reader, &f);
	if (!rc) {
		rc = retention_preview(reader, s, clock_wall_ms(&clock_system), stdout);
		if (rc)
			fault_errno(&f, -rc, "the database");
	}
	store_reader_close(reader);
	if (rc)
		fprintf(stderr, "hildad: retention of %s: %s\n", s->data, f.text);
	return rc ? 1 : 0;
}
