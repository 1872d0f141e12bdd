/* hilda submit: a document and its files become a job. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/commands/output.h"
#include "cli/escape.h"
#include "cli/get.h"
#include "cli/jobs.h"
#include "cli/set.h"
#include "cli/upload.h"
#include "common/cleanup.h"
#include "common/file.h"
#include "protocols/job/job.h"

static enum exit_code upload_files(struct cli *cli, json_t *document, struct fault *f)
{
	const char *option;

	for (size_t i = 0; (option = cli_value_at(cli, "file", i)); i++) {
		const char *equals = strchr(option, '='), *slash = strrchr(option, '/');
		const char *path = equals ? equals + 1 : option;
		json_t *files = json_object_get(document, "files");
		_cleanup_free_ char *name = NULL;
		struct upload u;
		enum exit_code code;

		if (equals)
			name = strndup(option, equals - option);
		else
			name = strdup(slash ? slash + 1 : option);
		code = upload_file(&cli->session, path, &u, f);
		if (code)
			return code;
		if (!json_is_array(files)) {
			files = json_array();
			json_object_set_new(document, "files", files);
		}
		json_array_append_new(files,
			json_pack("{s:s, s:o}", "name", name, "artifact",
				json_sprintf("sha256:%s", u.sha256)));
	}
	return EXIT_OK;
}

/* The hash first and the upload last: a mistake in the document is told before anything is sent. */
static enum exit_code set_image(struct cli *cli, json_t *document, struct fault *f)
{
	const char *image = cli_value(cli, "image");
	char sha256[SHA256_HEX_BYTES];
	unsigned long long bytes;

	if (!image)
		return EXIT_OK;
	if (sha256_file(image, sha256, &bytes, f))
		return EXIT_LOCAL_FILE;
	json_object_set_new(document, "image", json_sprintf("sha256:%s", sha256));
	return EXIT_OK;
}

static enum exit_code check(const json_t *document, const char *path, struct fault *f)
{
	_cleanup_(job_freep) struct job *job = NULL;
	struct job_error e;

	if (!job_parse(document, &job, &e) && !job_check_criteria(job, &e))
		return EXIT_OK;
	*f = e.fault;
	if (!strcmp(e.pointer, "/image") && !json_object_get(document, "image"))
		fault_set(f, EINVAL, "a job needs an image: name the firmware's file with --image");
	fault_wrap(f, "%s: %s", path, *e.pointer ? e.pointer : "/");
	return EXIT_USAGE;
}

static enum exit_code send(struct cli *cli, json_t *document, int64_t *id, struct fault *f)
{
	const char *image = cli_value(cli, "image");
	struct upload u;
	enum exit_code code = check(document, cli->arguments[0], f);

	if (!code && image)
		code = upload_file(&cli->session, image, &u, f);
	if (!code)
		code = upload_files(cli, document, f);
	if (!code)
		code = jobs_submit(
			&cli->session, document, cli_value(cli, "idempotency-key"), id, f);
	return code;
}

static enum exit_code watch(struct cli *cli, int64_t id, struct fault *f)
{
	json_t *job = NULL, *run = NULL;
	enum exit_code code = session_watch_interrupt(&cli->session, f);

	if (!code)
		code = jobs_watch(&cli->session, id, cli->json, &job, f);
	if (!code)
		code = jobs_get_run(&cli->session, job, &run, f);
	if (!code && cli->json) {
		json_t *both = json_pack("{s:O, s:O?}", "job", job, "run", run);

		output_json(both);
		json_decref(both);
	} else if (!code) {
		output_job(job, run, stdout);
	}
	if (!code)
		code = exit_code_of_job(get_text(job, "state"), get_text(job, "outcome"));
	json_decref(job);
	json_decref(run);
	return code;
}

/* With what it waits for, so that a board's name with a mistake does not wait unseen. */
static void tell(struct cli *cli, int64_t id)
{
	json_t *job = NULL;
	struct fault ignored;
	const char *why;
	char path[64];

	printf("job %" PRId64 " is queued; `hilda log -f %" PRId64 "` shows it work\n", id, id);
	fflush(stdout);
	snprintf(path, sizeof(path), "/api/v1/jobs/%" PRId64, id);
	if (session_get(&cli->session, path, &job, &ignored))
		return;
	why = get_text_or_null(job, "waits_for");
	if (why && *why) {
		fputs("it waits: ", stdout);
		escape_print(stdout, why, strlen(why), false);
		puts(strncmp(why, "no ", 3) ? "" : "; `hilda boards` lists the boards");
	}
	json_decref(job);
}

static enum exit_code run(struct cli *cli, struct fault *f)
{
	const char *path = cli->arguments[0], *set;
	enum exit_code code = EXIT_OK;
	json_t *document = NULL;
	int64_t id;

	if (set_load(path, JOB_DOCUMENT_MAX_BYTES, &document, f))
		return f->error == EINVAL ? EXIT_USAGE : EXIT_LOCAL_FILE;
	for (size_t i = 0; !code && (set = cli_value_at(cli, "set", i)); i++)
		code = set_apply(document, set, f) ? EXIT_USAGE : EXIT_OK;
	if (!code)
		code = set_image(cli, document, f);
	if (!code)
		code = send(cli, document, &id, f);
	json_decref(document);
	if (code)
		return code;
	if (cli_has(cli, "watch"))
		return watch(cli, id, f);
	if (cli->json)
		printf("{\"id\": %" PRId64 "}\n", id);
	else
		tell(cli, id);
	return EXIT_OK;
}

static const struct command_option options[] = {
	{"image", 'i', "FILE",
		"the firmware; sets the document's image to its hash and uploads it"},
	{"file", 0, "[NAME=]FILE", "a file beside the image; may be repeated"},
	{"set", 's', "KEY=VALUE",
		"changes the document: phases.warm.iterations=100; may be repeated"},
	{"watch", 'w', NULL,
		"waits for the end and prints the numbers; the exit code tells the outcome"},
	{"idempotency-key", 0, "KEY", "the same key again gives the same job; random otherwise"},
	{NULL},
};

const struct command command_submit = {
	.name = "submit",
	.arguments = "JOB.json",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Send a job to the lab.",
	.help = "The document is checked here first; a mistake is named by its JSON pointer. \"-\" reads\n"
		"it from standard input.\n\n"
		"Examples:\n"
		"  hilda submit job.json --image build/fw.elf --watch\n"
		"  hilda submit job.json -i fw.elf -s board.type=microbit -s labels.model=mine",
	.options = options,
	.run = run,
};
