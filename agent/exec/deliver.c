#include "agent/exec/deliver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "agent/run/run_log.h"
#include "common/cleanup.h"
#include "common/file.h"

#define PREPARED "hilda-prepared"
#define PLACED "hilda-placed"

struct delivery {
	const struct run *run;
	struct remote_run tool;
	const char *args[REMOTE_ARGS_MAX];
	size_t n_args;
};

static void begin_args(struct delivery *d, const char *third)
{
	d->n_args = 0;
	d->args[d->n_args++] = d->run->board->exec_folder;
	d->args[d->n_args++] = d->run->board->name;
	d->args[d->n_args++] = third;
}

static void add_arg(struct delivery *d, const char *word)
{
	d->args[d->n_args++] = word;
	d->args[d->n_args] = NULL;
}

static int shell(struct delivery *d, const char *script, struct fault *f)
{
	_cleanup_(remote_call_done) struct remote_call call = {0};
	int rc;

	d->args[d->n_args] = NULL;
	rc = remote_shell(d->run->board, script, d->args, &call, f);
	return rc ? rc : remote_run(&d->tool, &call, f);
}

/* A shell that says something else ran something else. */
static int expect(const struct delivery *d, const char *word, struct fault *f)
{
	if (strstr(d->tool.output, word))
		return 0;
	return fault_set(f, EPROTO, "%s %s: its shell did not do what was asked; it said '%.200s'",
		remote_tool(d->run->board), d->run->board->exec_at, d->tool.output);
}

static bool is_needed(const struct delivery *d, const char *sha256)
{
	char line[sizeof("need ") + 64];

	snprintf(line, sizeof(line), "need %.64s", sha256);
	return strstr(d->tool.output, line) != NULL;
}

static int put_ssh(struct delivery *d, const char *from, const char *sha256, struct fault *f)
{
	_cleanup_(file_close) int fd = open(from, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return fault_errno(f, errno, "cannot read %s", from);
	begin_args(d, sha256);
	d->tool.stdin_fd = fd;
	rc = shell(d, remote_put, f);
	d->tool.stdin_fd = -1;
	return rc;
}

static int put(struct delivery *d, const char *from, const char *sha256, struct fault *f)
{
	const struct board_config *board = d->run->board;
	struct remote_call call;
	char to[FILE_PATH_BYTES];

	run_log_printf(d->run->log, "sending %.12s to %s", sha256, board->exec_at);
	if (board->exec_kind == EXEC_SSH)
		return put_ssh(d, from, sha256, f);
	if (file_path(
		    to, sizeof(to), "%s/files/part-%s-%s", board->exec_folder, board->name, sha256))
		return fault_set(f, ENAMETOOLONG, "exec-folder = %s: too long", board->exec_folder);
	remote_push(board, from, to, &call);
	return remote_run(&d->tool, &call, f);
}

/* Every hash once: an image may be among its own files. */
static int send_needed(struct delivery *d, struct fault *f)
{
	const struct job *job = d->run->job;
	bool needed[JOB_FILES_MAX + 1] = {false};
	int rc = 0;

	for (size_t i = 0; i <= job->n_files; i++) {
		const char *sha256 = i ? job->files[i - 1].sha256 : job->image;

		needed[i] = is_needed(d, sha256);
		for (size_t k = 0; k < i; k++) {
			if (!strcmp(sha256, k ? job->files[k - 1].sha256 : job->image))
				needed[i] = false;
		}
	}
	if (needed[0])
		rc = put(d, d->run->image_path, job->image, f);
	for (size_t i = 0; i < job->n_files && !rc; i++) {
		char from[FILE_PATH_BYTES];

		if (!needed[i + 1])
			continue;
		if (file_path(from, sizeof(from), "%s/%s", d->run->work_folder, job->files[i].name))
			return fault_set(f, ENAMETOOLONG, "file %s", job->files[i].name);
		rc = put(d, from, job->files[i].sha256, f);
	}
	return rc;
}

int deliver_remote(const struct run *run, struct fault *f)
{
	const struct job *job = run->job;
	_cleanup_free_ struct delivery *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return fault_set(f, ENOMEM, "the agent is out of memory");
	d->run = run;
	d->tool = (struct remote_run){.board = run->board,
		.clock = run->clock,
		.deadline_ns = run->deadline_ns,
		.cancel_fd = run->cancel_fd,
		.stdin_fd = -1};
	begin_args(d, job->image);
	for (size_t i = 0; i < job->n_files; i++)
		add_arg(d, job->files[i].sha256);
	rc = shell(d, remote_prepare, f);
	if (!rc)
		rc = expect(d, PREPARED, f);
	if (!rc)
		rc = send_needed(d, f);
	if (rc)
		return rc;
	begin_args(d, job->image);
	for (size_t i = 0; i < job->n_files; i++) {
		add_arg(d, job->files[i].sha256);
		add_arg(d, job->files[i].name);
	}
	rc = shell(d, remote_place, f);
	return rc ? rc : expect(d, PLACED, f);
}
