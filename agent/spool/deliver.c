#include "agent/spool/deliver.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/spool/dropped.h"
#include "common/cleanup.h"
#include "common/failpoint.h"
#include "common/log.h"

/* So often is a file sent again without a pause. */
#define BACK_MAX 2

/* A session that went stale is renewed once, and the call made again. */
static int perform(const struct deliver *d, struct link_call *call, struct link_answer *answer,
	struct fault *f)
{
	int rc = link_perform(d->link, call, answer, f);
	uint64_t stale = answer->session;

	if (rc != -ESTALE)
		return rc;
	link_answer_done(answer);
	rc = session_renew(d->session, stale, d->cancel_fd, f);
	return rc ? rc : link_perform(d->link, call, answer, f);
}

/* As the server calls them. */
static const char *const names[SPOOL_FILES] = {"log", "capture"};

int deliver_file(const struct deliver *d, const struct spool_entry *e, enum spool_file file,
	struct growing_place place, uint64_t end, uint64_t *offset, struct fault *f)
{
	unsigned back = 0;

	while (*offset < end) {
		struct link_call call = LINK_CALL_INIT;
		struct link_answer answer;
		const json_t *have;
		char path[96];
		int rc;

		snprintf(path, sizeof(path), "/agent/v1/runs/%" PRIu64 "/%s?offset=%" PRIu64,
			e->run, names[file], *offset);
		call.method = "PUT";
		call.path = path;
		call.body_fd = place.fd;
		call.body_offset = place.base + (int64_t)*offset;
		call.body_bytes =
			end - *offset < DELIVER_CHUNK_BYTES ? end - *offset : DELIVER_CHUNK_BYTES;
		call.content_type = "application/octet-stream";
		call.epoch = e->epoch;
		call.timeout_ms = DELIVER_TIMEOUT_MS;
		call.cancel_fd = d->cancel_fd;
		rc = perform(d, &call, &answer, f);
		have = json_object_get(answer.json, "have");
		if (json_is_integer(have) && json_integer_value(have) >= 0 &&
			(rc == 0 || answer.status == 409) &&
			(uint64_t)json_integer_value(have) != *offset) {
			back += (uint64_t)json_integer_value(have) < *offset;
			*offset = (uint64_t)json_integer_value(have);
			rc = back <= BACK_MAX ? 0
					      : fault_set(f, EPROTO,
							"%s of run %" PRIu64
							": the server loses what it has confirmed",
							names[file], e->run);
		} else if (rc == 0) {
			rc = fault_set(f, EPROTO,
				"%s of run %" PRIu64 ": the server confirms no bytes", names[file],
				e->run);
		}
		link_answer_done(&answer);
		if (rc)
			return rc;
	}
	return 0;
}

/* What is left of a file; *refused: the server does not want it, which does not hold up the result. */
static int rest_of(const struct deliver *d, const struct spool_entry *e, enum spool_file file,
	const struct deliver_files *files, bool *refused, struct fault *f)
{
	struct growing *growing = files->growing[file];
	uint64_t offset = files->at[file];
	char path[FILE_PATH_BYTES];
	_cleanup_(file_close) int fd = -1;
	struct stat st;
	int rc;

	*refused = false;
	if (growing && growing_in_slot(growing)) {
		rc = deliver_file(
			d, e, file, growing_place(growing), growing_size(growing), &offset, f);
	} else {
		if (spool_file_path(d->spool, e, file, path))
			return 0;
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st))
			return 0;
		rc = deliver_file(d, e, file, (struct growing_place){fd, 0}, (uint64_t)st.st_size,
			&offset, f);
	}
	if (!link_is_final(rc) && rc != -EOWNERDEAD)
		return rc;
	log_warning("the server refuses a run's file", LOG_U64("run", e->run),
		LOG_STR("file", names[file]), LOG_STR("why", f->text));
	*refused = true;
	return 0;
}

static bool is_gone(const struct deliver *d, const struct spool_entry *e)
{
	char path[FILE_PATH_BYTES];

	return spool_file_path(d->spool, e, SPOOL_CAPTURE, path) == 0 && access(path, F_OK) &&
		errno == ENOENT;
}

/* The body from the spool; malloc'd. */
static int read_result(
	const struct deliver *d, const struct spool_entry *e, char **text, struct fault *f)
{
	char file[FILE_PATH_BYTES];
	int rc = spool_result_path(d->spool, e, file);

	return rc ? fault_errno(f, -rc, "spool")
		  : file_read(file, SPOOL_RESULT_MAX_BYTES, text, NULL, f);
}

void deliver_keep(const struct deliver_files *files, uint64_t run)
{
	struct fault f;

	for (enum spool_file file = 0; file < SPOOL_FILES; file++) {
		if (files->growing[file] && growing_keep(files->growing[file], &f))
			log_error("the end of a run's file is lost", LOG_U64("run", run),
				LOG_STR("file", names[file]), LOG_STR("error", f.text));
	}
}

/* With all that there is of it, for the people who look into rejected/. */
static void reject(const struct deliver *d, const struct spool_entry *e,
	const struct deliver_files *files, int status, const char *why)
{
	deliver_keep(files, e->run);
	spool_reject(d->spool, e, status, why);
}

static int send_result(const struct deliver *d, const struct spool_entry *e,
	const struct deliver_files *files, const char *text, struct fault *f)
{
	char path[64];
	struct link_call call = LINK_CALL_INIT;
	struct link_answer answer;
	bool final;
	int rc;

	snprintf(path, sizeof(path), "/agent/v1/runs/%" PRIu64 "/result", e->run);
	call.method = "PUT";
	call.path = path;
	call.body = text;
	call.body_bytes = strlen(call.body);
	call.epoch = e->epoch;
	call.timeout_ms = DELIVER_TIMEOUT_MS;
	call.cancel_fd = d->cancel_fd;
	rc = perform(d, &call, &answer, f);
	if (rc == 0)
		failpoint("agent.result.acknowledged");
	/* The run has another epoch: it will not have this one again. */
	final = link_is_final(rc) || rc == -EOWNERDEAD;
	if (rc == 0)
		spool_remove(d->spool, e);
	else if (final)
		reject(d, e, files, answer.status, f->text);
	link_answer_done(&answer);
	return final ? 0 : rc;
}

/* The capture first: what becomes of it is said in the log and in the result. */
static int send_files(const struct deliver *d, const struct spool_entry *e,
	const struct deliver_files *files, char **text, struct fault *f)
{
	bool refused;
	int rc = rest_of(d, e, SPOOL_CAPTURE, files, &refused, f);

	if (!rc && !refused && is_gone(d, e) && dropped_is_promised(*text)) {
		/* Refused when nobody waited for it any more, or by an agent that was killed then. */
		fault_set(f, ENOENT,
			"its file is gone: the server refused it while it was sent, or somebody "
			"removed it");
		refused = true;
	}
	if (!rc && refused) {
		char why[FAULT_TEXT_BYTES];

		snprintf(why, sizeof(why), "%s", f->text);
		rc = dropped_capture(d->spool, e, why, text, f);
	}
	if (rc)
		return rc;
	return rest_of(d, e, SPOOL_LOG, files, &refused, f);
}

int deliver_entry(const struct deliver *d, const struct spool_entry *e,
	const struct deliver_files *files, const char *text, struct fault *f)
{
	_cleanup_free_ char *own = NULL;
	struct link_session now;
	int rc;

	link_session(d->link, &now);
	if (!now.session)
		return fault_set(f, ENOTCONN, "not registered yet");
	if (strcmp(now.lineage, e->lineage) != 0) {
		fault_set(f, EXDEV, "the run belongs to database %s, the server has %s now",
			e->lineage, now.lineage);
		reject(d, e, files, 0, f->text);
		return 0;
	}
	own = text ? strdup(text) : NULL;
	rc = own ? 0 : read_result(d, e, &own, f);
	if (rc) {
		/* Nothing that could be sent will ever be there again. */
		reject(d, e, files, 0, f->text);
		return 0;
	}
	rc = send_files(d, e, files, &own, f);
	return rc ? rc : send_result(d, e, files, own, f);
}
