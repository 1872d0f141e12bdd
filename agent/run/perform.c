#include "agent/run/perform.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/board/lock.h"
#include "agent/exec/place.h"
#include "agent/link/backoff.h"
#include "agent/run/run_log.h"
#include "agent/run/runner.h"
#include "agent/spool/dropped.h"
#include "agent/tunnel/tunnels.h"
#include "common/cleanup.h"
#include "common/failpoint.h"
#include "common/log.h"

#define LOCK_POLL_MS 2
#define SPOOL_RETRY_MS 2000
#define WORK_MODE 0755

static int take_lock(
	struct agent *a, struct board_work *w, struct board_lock *lock, struct fault *f)
{
	int64_t deadline_ns = clock_deadline_ms(a->clock, PERFORM_LOCK_MS);
	struct pollfd stop = {.fd = a->stop_fd, .events = POLLIN};

	/* What is wrong is asked for once, at the end: who has a lock is a search through all processes. */
	for (bool last = false;;) {
		int rc = board_lock_take(
			a->settings->run, a->settings->data, &w->config, lock, last ? f : NULL);

		if (!rc || last)
			return rc;
		last = rc != -EWOULDBLOCK || clock_expired(a->clock, deadline_ns) ||
			poll(&stop, 1, LOCK_POLL_MS) > 0;
	}
}

static int start_once(
	struct agent *a, const struct board_work *w, uint64_t *session, struct fault *f)
{
	struct link_call call = LINK_CALL_INIT;
	struct link_answer answer;
	char path[64];
	int rc;

	snprintf(path, sizeof(path), "/agent/v1/runs/%" PRIu64 "/start", w->offer->run);
	call.method = "POST";
	call.path = path;
	call.epoch = w->offer->epoch;
	call.timeout_ms = PERFORM_START_MS;
	call.cancel_fd = w->cancel_fd;
	rc = link_perform(a->link, &call, &answer, f);
	*session = answer.session;
	link_answer_done(&answer);
	return rc;
}

/* The server's yes, asked for until the offer is void. 0, or the offer is to be dropped. */
static int start(struct agent *a, const struct board_work *w, struct fault *f)
{
	int64_t deadline_ns = clock_deadline_ms(a->clock, PERFORM_START_MS);
	struct backoff backoff = BACKOFF_INIT(a->random_below);
	struct pollfd cancel = {.fd = w->cancel_fd, .events = POLLIN};
	uint64_t session;

	for (;;) {
		int rc = start_once(a, w, &session, f);
		int64_t retry_ns;

		/* A new session knows nothing of this offer: the server takes it back. */
		if (rc == -ESTALE)
			session_renew(a->session, session, a->stop_fd, NULL);
		if (rc == 0 || rc == -ESTALE || rc == -EOWNERDEAD || rc == -ECANCELED ||
			link_is_final(rc))
			return rc;
		retry_ns = clock_deadline_ms(a->clock, backoff_fail(&backoff));
		if (retry_ns >= deadline_ns)
			return rc;
		if (clock_poll(a->clock, &cancel, 1, retry_ns) > 0)
			return -ECANCELED;
	}
}

/* What perform has in hand while the run goes on. */
struct hands {
	struct agent *agent;
	struct board_work *work;
	struct spool_entry entry;
	struct job *job;
	bool image_held;
	size_t files_held;
	char image_path[FILE_PATH_BYTES];
	char work_folder[FILE_PATH_BYTES];
	struct runner runner;
	struct growing *files[SPOOL_FILES];
	struct shipped *shipped[SPOOL_FILES];
};

static void fail(struct hands *h, enum outcome outcome, const char *text)
{
	struct verdict *v = &h->runner.verdict;

	if (v->outcome != OUTCOME_NONE)
		return;
	v->outcome = outcome;
	v->stage = STAGE_FLASH;
	snprintf(v->fault.text, sizeof(v->fault.text), "%s", text);
}

/* What the server does not have is the job's fault; anything else is ours. */
static enum outcome fetch_outcome(int rc)
{
	return rc == -EREMOTEIO || rc == -EINVAL || rc == -EFBIG ? OUTCOME_CONFIGURATION
								 : OUTCOME_INFRASTRUCTURE;
}

static void fetch(struct hands *h)
{
	struct agent *a = h->agent;
	const struct job *job = h->job;
	uint64_t room = PLACE_MAX_BYTES;
	struct fault f;
	int rc = cache_get(a->cache, h->work->offer->image, PERFORM_FETCH_MS, h->work->cancel_fd,
		h->image_path, &f);

	h->image_held = rc == 0;
	for (size_t i = 0; !rc && i < job->n_files; i++) {
		char path[FILE_PATH_BYTES];

		rc = cache_get(a->cache, job->files[i].sha256, PERFORM_FETCH_MS, h->work->cancel_fd,
			path, &f);
		if (rc)
			break;
		h->files_held++;
		rc = place_file(path, h->work_folder, job->files[i].name, &room, &f);
	}
	if (rc)
		fail(h, fetch_outcome(rc), f.text);
}

static int spare_folder(const struct hands *h, char path[FILE_PATH_BYTES])
{
	return file_path(path, FILE_PATH_BYTES, "%s/work/spare-%s", h->agent->settings->data,
		h->work->config.name);
}

/* The board's last one, which was left empty: to make one costs more (agent/spool/spares.h). */
static bool take_spare_folder(const struct hands *h)
{
	char spare[FILE_PATH_BYTES];

	return spare_folder(h, spare) == 0 && rename(spare, h->work_folder) == 0;
}

/* As it was made: a program may have given it away, or closed it. */
static bool is_as_new(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 07777) == WORK_MODE &&
		st.st_uid == geteuid();
}

static void leave_folder(const struct hands *h)
{
	char spare[FILE_PATH_BYTES];
	struct fault f;

	if (!h->work_folder[0])
		return;
	if (is_as_new(h->work_folder) && spare_folder(h, spare) == 0 &&
		file_empty_folder(h->work_folder, &f) == 0 && rename(h->work_folder, spare) == 0)
		return;
	if (file_remove_tree(h->work_folder, &f))
		log_warning("a run's folder stays", LOG_STR("error", f.text));
}

static void prepare(struct hands *h)
{
	struct job_error error;
	struct fault f;
	int rc = file_path(h->work_folder, sizeof(h->work_folder), "%s/work/%" PRIu64,
		h->agent->settings->data, h->entry.run);

	if (!rc && !take_spare_folder(h) && mkdir(h->work_folder, WORK_MODE))
		rc = -errno;
	if (rc) {
		fault_errno(&f, -rc, "cannot make %s", h->work_folder);
		fail(h, OUTCOME_INFRASTRUCTURE, f.text);
		return;
	}
	if (job_parse(h->work->offer->document, &h->job, &error)) {
		fault_set(&f, EINVAL, "the job document cannot be used (at %s): %s", error.pointer,
			error.fault.text);
		fail(h, OUTCOME_CONFIGURATION, f.text);
		return;
	}
	fetch(h);
}

static void release(struct hands *h)
{
	if (h->image_held)
		cache_put(h->agent->cache, h->work->offer->image);
	for (size_t i = 0; i < h->files_held; i++)
		cache_put(h->agent->cache, h->job->files[i].sha256);
	job_free(h->job);
	for (enum spool_file file = 0; file < SPOOL_FILES; file++)
		growing_unref(h->files[file]);
	leave_folder(h);
}

/* The capture makes room for the result. True: there is room now that was not there before. */
static bool give_up_capture(struct hands *h, const char *why, char **text)
{
	struct growing *capture = h->files[SPOOL_CAPTURE];

	if (!capture || growing_is_dropped(capture))
		return false;
	growing_drop(capture);
	run_log_printf(h->runner.log, "the capture is dropped: %s", why);
	return dropped_say(text, why) == 0;
}

/* A result is never given up: a full disk holds the board until there is room. */
static int keep(struct hands *h, char **text)
{
	struct agent *a = h->agent;
	struct pollfd stop = {.fd = a->stop_fd, .events = POLLIN};
	bool said = false;
	struct fault f;

	while (spool_put(a->spool, &h->entry, *text, strlen(*text), &f)) {
		if (give_up_capture(h, f.text, text))
			continue;
		if (!said)
			log_error("a result cannot be spooled; the board waits for room",
				LOG_U64("run", h->entry.run), LOG_STR("error", f.text));
		said = true;
		if (clock_poll(a->clock, &stop, 1, clock_deadline_ms(a->clock, SPOOL_RETRY_MS)) > 0)
			return -ECANCELED;
	}
	return 0;
}

static void deliver(struct hands *h, const struct deliver_files *files, const char *text)
{
	struct agent *a = h->agent;
	const struct deliver d = {a->link, a->session, a->spool, a->stop_fd};
	struct fault f;

	if (deliver_entry(&d, &h->entry, files, text, &f) == 0)
		return;
	deliver_keep(files, h->entry.run);
	log_warning("a result waits for the server", LOG_U64("run", h->entry.run),
		LOG_STR("board", h->work->config.name), LOG_STR("why", f.text));
	spool_release(a->spool, &h->entry);
	sender_wake(a->sender);
}

static int open_log(struct hands *h, struct run_log **log, struct fault *f)
{
	struct agent *a = h->agent;
	struct growing *file;
	int rc = spool_open_log(a->spool, &h->entry, &file, f);

	if (!rc)
		rc = run_log_open(file, a->clock, 0, log, f);
	if (rc)
		return rc;
	h->files[SPOOL_LOG] = growing_ref(file);
	return shipper_attach(
		a->shipper, &h->entry, SPOOL_LOG, h->files[SPOOL_LOG], &h->shipped[SPOOL_LOG], f);
}

static int open_capture(void *arg, struct growing **out, struct fault *f)
{
	struct hands *h = arg;
	struct agent *a = h->agent;
	char path[FILE_PATH_BYTES];
	int rc = h->files[SPOOL_CAPTURE]
		? -EEXIST
		: spool_file_path(a->spool, &h->entry, SPOOL_CAPTURE, path);

	if (rc)
		return fault_errno(f, -rc, "capture");
	/* What becomes of the capture is written into the log when the run is over. */
	if (h->files[SPOOL_LOG])
		growing_keep(h->files[SPOOL_LOG], f);
	rc = growing_open(path, &h->files[SPOOL_CAPTURE], f);
	if (!rc)
		rc = shipper_attach(a->shipper, &h->entry, SPOOL_CAPTURE, h->files[SPOOL_CAPTURE],
			&h->shipped[SPOOL_CAPTURE], f);
	if (!rc)
		*out = h->files[SPOOL_CAPTURE];
	return rc;
}

static bool capture_is_refused(void *arg, char *why)
{
	struct hands *h = arg;

	return h->shipped[SPOOL_CAPTURE] &&
		shipper_is_refused(h->agent->shipper, h->shipped[SPOOL_CAPTURE], why);
}

/* The last pieces are on their way while the result goes to the disk. */
static void flush_files(struct hands *h)
{
	for (enum spool_file file = 0; file < SPOOL_FILES; file++) {
		if (h->shipped[file])
			shipper_flush(h->agent->shipper, h->shipped[file]);
	}
}

/* refused: of the capture, as shipper_detach has it. */
static void detach_files(struct hands *h, struct deliver_files *files, char *refused)
{
	char why[FAULT_TEXT_BYTES];

	refused[0] = '\0';
	for (enum spool_file file = 0; file < SPOOL_FILES; file++) {
		if (h->shipped[file])
			files->at[file] = shipper_detach(h->agent->shipper, h->shipped[file],
				file == SPOOL_CAPTURE ? refused : why);
		files->growing[file] = h->files[file];
	}
}

/* A capture may be refused after the result was written. */
static void say_refused(struct hands *h, const char *why, char **text)
{
	struct fault f;

	if (why[0] && dropped_capture(h->agent->spool, &h->entry, why, text, &f))
		log_warning("a result does not say why its capture is missing",
			LOG_U64("run", h->entry.run), LOG_STR("error", f.text));
}

static enum run_end why_ended(void *arg, char *text)
{
	return board_why_ended(arg, text);
}

static void on_stage(void *arg, enum stage stage, int64_t deadline_ns)
{
	board_stage(arg, stage, deadline_ns);
}

/* The server has said yes: from here on there will be a result. */
static void work(struct hands *h, struct board_lock *lock)
{
	struct agent *a = h->agent;
	struct board_work *w = h->work;
	const struct run_captures captures = {open_capture, capture_is_refused, h};
	struct deliver_files files = {{0}, {NULL}};
	struct run_log *log = NULL;
	_cleanup_free_ char *text = NULL;
	char refused[FAULT_TEXT_BYTES];
	struct fault f;
	bool kept;
	size_t n;

	if (open_log(h, &log, &f))
		fail(h, OUTCOME_INFRASTRUCTURE, f.text);
	run_log_printf(log, "run %" PRIu64 " of job %" PRIu64 " on %s, agent %s " HILDA_VERSION,
		w->offer->run, w->offer->job, w->config.name, a->settings->name);
	if (h->runner.verdict.outcome == OUTCOME_NONE)
		prepare(h);
	h->runner.job = h->job;
	h->runner.log = log;
	h->runner.captures = &captures;
	h->runner.image_path = h->image_path;
	h->runner.work_folder = h->work_folder;
	h->runner.lock_fd = lock->fds[0];
	text = runner_perform(&h->runner, &n);
	board_lock_drop(lock);
	flush_files(h);
	kept = text && keep(h, &text) == 0;
	run_log_close(log);
	detach_files(h, &files, refused);
	if (kept) {
		say_refused(h, refused, &text);
		board_finished(w->board);
		deliver(h, &files, text);
	} else {
		deliver_keep(&files, h->entry.run);
	}
	release(h);
}

void perform_offer(void *arg, struct board_work *w)
{
	struct agent *a = arg;
	struct hands h = {.agent = a, .work = w};
	struct board_lock lock = {.n = 0};
	struct link_session session;
	struct fault f;
	int rc;

	/* The server has ended their reservation. */
	tunnels_clear(a->tunnels, w->config.name);
	rc = take_lock(a, w, &lock, &f);
	if (rc == -EWOULDBLOCK && board_waits_for_meter(w->board)) {
		/* Both were offered at once; this one's turn comes when the other is done. */
		board_hold(w->board, PERFORM_HOLD_MS);
		return;
	}
	if (rc) {
		log_warning("offer dropped: the board is in other hands",
			LOG_STR("board", w->config.name), LOG_U64("run", w->offer->run),
			LOG_STR("why", f.text));
		board_blocked(w->board, f.text);
		return;
	}
	failpoint("agent.offer.taken");
	rc = start(a, w, &f);
	failpoint("agent.offer.started");
	if (rc) {
		log_warning("offer dropped", LOG_STR("board", w->config.name),
			LOG_U64("run", w->offer->run), LOG_STR("why", f.text));
		board_lock_drop(&lock);
		board_hold(w->board, PERFORM_HOLD_MS);
		return;
	}
	link_session(a->link, &session);
	h.entry.run = w->offer->run;
	h.entry.epoch = w->offer->epoch;
	memcpy(h.entry.lineage, session.lineage, sizeof(h.entry.lineage));
	h.runner = (struct runner){.clock = a->clock,
		.run = w->offer->run,
		.job_id = w->offer->job,
		.board = &w->config,
		.image_sha256 = w->offer->image,
		.leader = w->leader,
		.cancel_fd = w->cancel_fd,
		.steps = steps,
		.why_ended = why_ended,
		.on_stage = on_stage,
		.arg = w->board,
		.start_ns = clock_mono_ns(a->clock),
		.start_wall_ms = clock_wall_ms(a->clock)};
	if (board_started(w->board))
		fail(&h, OUTCOME_INFRASTRUCTURE,
			"the board's epoch cannot be kept on the agent's disk; is it full?");
	work(&h, &lock);
}
