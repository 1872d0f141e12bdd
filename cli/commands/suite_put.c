/* hilda suite put: a suite's file to the server, with the files that it names. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/commands/output.h"
#include "cli/commands/suite_file.h"
#include "cli/get.h"
#include "cli/upload.h"
#include "common/cleanup.h"

static enum exit_code add_artifact(
	struct cli *cli, json_t *artifacts, const char *path, struct fault *f)
{
	struct upload upload;
	enum exit_code code;

	if (!strncmp(path, "sha256:", 7) || json_object_get(artifacts, path))
		return EXIT_OK;
	code = upload_file(&cli->session, path, &upload, f);
	if (!code &&
		json_object_set_new(artifacts, path, json_sprintf("sha256:%s", upload.sha256))) {
		fault_set(f, ENOMEM, "out of memory");
		code = EXIT_LOCAL_FILE;
	}
	return code;
}

/* Uploads each image and file once, and notes its hash in the document. */
static enum exit_code add_artifacts(
	struct cli *cli, const struct suite *suite, json_t *document, struct fault *f)
{
	json_t *artifacts = json_object();
	enum exit_code code = EXIT_OK;

	if (!artifacts || json_object_set_new(document, "artifacts", artifacts)) {
		fault_set(f, ENOMEM, "out of memory");
		return EXIT_LOCAL_FILE;
	}
	for (size_t i = 0; !code && i < suite->n_cells; i++) {
		const struct suite_cell *cell = &suite->cells[i];

		code = add_artifact(cli, artifacts, cell->image, f);
		for (size_t k = 0; !code && k < cell->n_files; k++)
			code = add_artifact(cli, artifacts, cell->files[k].value, f);
	}
	return code;
}

static enum exit_code send(
	struct cli *cli, const char *name, const json_t *document, struct fault *f)
{
	json_t *answer = NULL;
	enum exit_code code;
	char path[400];

	snprintf(path, sizeof(path), "/api/v1/suites/%.256s", name);
	code = session_call(&cli->session, "PUT", path, NULL, document, &answer, f);
	if (code)
		return code;
	if (cli->json)
		output_json(answer);
	else
		printf("suite %s is on the server: %" PRId64 " cells\n", get_text(answer, "name"),
			get_i64(answer, "cells"));
	json_decref(answer);
	return EXIT_OK;
}

static enum exit_code run(struct cli *cli, struct fault *f)
{
	_cleanup_(suite_freep) struct suite *suite = NULL;
	json_t *document = NULL;
	enum exit_code code = suite_file_load(cli, &suite, &document, f);

	if (!code)
		code = session_watch_interrupt(&cli->session, f);
	if (!code &&
		strspn(suite->name,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			"0123456789._-") != strlen(suite->name)) {
		fault_set(f, EINVAL,
			"the suite's name \"%.80s\" stands in addresses: letters, digits, dots, dashes and "
			"underscores only",
			suite->name);
		code = EXIT_USAGE;
	}
	if (!code && !cli_has(cli, "no-build"))
		code = suite_file_build(cli, suite, f);
	if (!code)
		code = add_artifacts(cli, suite, document, f);
	if (!code)
		code = send(cli, suite->name, document, f);
	json_decref(document);
	return code;
}

static const struct command_option options[] = {
	SUITE_FILE_OPTIONS,
	{NULL},
};

const struct command command_suite_put = {
	.name = "suite put",
	.arguments = "SUITE.json",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Build a suite and keep it on the server, for schedules.",
	.help = "Each image and file is uploaded once; the server keeps the document with their hashes, and builds\n"
		"nothing itself. A suite of the same name is replaced.\n\n"
		"Examples:\n"
		"  hilda suite put nightly.json\n"
		"  hilda schedule add nightly \"30 2 * * *\" --time-zone Europe/Berlin",
	.options = options,
	.run = run,
};
