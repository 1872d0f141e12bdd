#include "cli/commands/suite_file.h"

#include <errno.h>
#include <string.h>

#include "cli/build.h"
#include "cli/set.h"
#include "common/cleanup.h"

#define VARS_MAX 64

struct texts {
	char *at[VARS_MAX];
};

static void free_texts(struct texts *texts)
{
	for (size_t i = 0; i < VARS_MAX; i++)
		free(texts->at[i]);
}

enum exit_code suite_file_load(
	struct cli *cli, struct suite **suite, json_t **kept, struct fault *f)
{
	const char *path = cli->arguments[0], *set;
	_cleanup_(free_texts) struct texts keys = {0};
	struct job_pair overrides[VARS_MAX];
	json_t *document = NULL;
	struct job_error e;
	size_t n = 0;
	int err;

	for (; (set = cli_value_at(cli, "set", n)); n++) {
		const char *equals = strchr(set, '=');

		if (!equals || n == VARS_MAX) {
			fault_set(f, EINVAL, "--set %s: write variable=value, at most %d times",
				set, VARS_MAX);
			return EXIT_USAGE;
		}
		keys.at[n] = strndup(set, equals - set);
		overrides[n] = (struct job_pair){keys.at[n], (char *)equals + 1};
	}
	if (set_load(path, SUITE_DOCUMENT_MAX_BYTES, &document, f))
		return f->error == EINVAL ? EXIT_USAGE : EXIT_LOCAL_FILE;
	err = suite_parse(document, overrides, n, suite, &e);
	if (!err && kept) {
		*kept = json_incref(document);
		for (size_t i = 0; i < n; i++)
			json_object_set_new(json_object_get(document, "vars"), overrides[i].key,
				json_string(overrides[i].value));
	}
	json_decref(document);
	if (!err)
		return EXIT_OK;
	*f = e.fault;
	fault_wrap(f, "%s: %s", path, *e.pointer ? e.pointer : "/");
	return EXIT_USAGE;
}

enum exit_code suite_file_build(struct cli *cli, const struct suite *suite, struct fault *f)
{
	_cleanup_free_ const char **commands = calloc(suite->n_cells + 1, sizeof(*commands));
	uint64_t parallel = 1;

	if (cli_u64(cli, "jobs", 1, 64, &parallel, f))
		return EXIT_USAGE;
	if (!commands) {
		fault_set(f, ENOMEM, "out of memory");
		return EXIT_LOCAL_FILE;
	}
	for (size_t i = 0; i < suite->n_cells; i++)
		commands[i] = suite->cells[i].build;
	return build_all(&cli->session, commands, suite->n_cells, parallel, f);
}
