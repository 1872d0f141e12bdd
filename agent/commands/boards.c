#include "agent/commands/boards.h"

#include <errno.h>

int boards_find(const char *config, const char *board, struct agent_settings **settings,
	struct board_config *out)
{
	struct agent_settings *s;
	struct fault f = {0};
	int rc = settings_load(config, &s, &f);

	if (rc) {
		fprintf(stderr, "hilda-agent: %s\n", f.text);
		return rc;
	}
	for (size_t i = 0; i < s->n_boards; i++) {
		if (strcmp(s->boards[i].name, board) != 0)
			continue;
		*out = s->boards[i];
		*settings = s;
		return 0;
	}
	fprintf(stderr, "hilda-agent: %s has no board '%s'; it has:", config, board);
	for (size_t i = 0; i < s->n_boards; i++)
		fprintf(stderr, "%s %s", i ? "," : "", s->boards[i].name);
	fprintf(stderr, "%s\n", s->n_boards ? "" : " none");
	settings_free(s);
	return -ENOENT;
}
