#include "agent/run/health.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/board/lock.h"
#include "agent/run/runner.h"
#include "agent/steps/parts.h"
#include "agent/steps/steps.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/sha256.h"

static const struct step health_steps[] = {
	{STAGE_FLASH, NULL, step_flash},
	{STAGE_BOOT, step_boot_wanted, step_boot},
	{STAGE_NONE, NULL, NULL},
};

/* No phase is performed: the table above ends before them. */
static struct job *make_job(const struct board_config *c, const char *sha256)
{
	json_t *document = json_pack("{s:s, s:{s:s}, s:s+, s:{s:b}}", "name", "health check",
		"board", "name", c->name, "image", "sha256:", sha256, "phases", "memory", 1);
	struct job *job = NULL;

	if (document && job_parse(document, &job, NULL))
		job = NULL;
	json_decref(document);
	return job;
}

static enum run_end why_ended(void *arg, char *text)
{
	return board_why_ended(arg, text);
}

static void on_stage(void *arg, enum stage stage, int64_t deadline_ns)
{
	(void)arg;
	(void)stage;
	(void)deadline_ns;
}

/* The verdict in words; true when it passed. */
static bool read_result(const char *text, char *why)
{
	json_t *result = text ? json_loads(text, 0, NULL) : NULL;
	const char *outcome = json_string_value(json_object_get(result, "outcome"));
	bool passed = outcome && !strcmp(outcome, outcome_name(OUTCOME_PASSED));

	if (!passed && result)
		snprintf(why, FLEET_DETAIL_BYTES, "the health check failed in %.20s: %.400s",
			json_string_value(json_object_get(result, "stage")),
			json_string_value(json_object_get(result, "detail")));
	else if (!passed)
		snprintf(why, FLEET_DETAIL_BYTES, "the agent is out of memory");
	json_decref(result);
	return passed;
}

static bool walk(struct agent *a, struct board_work *w, const struct job *job, const char *folder,
	int lock_fd, char *why)
{
	struct runner r = {.clock = a->clock,
		.job = job,
		.board = &w->config,
		.image_sha256 = job->image,
		.image_path = w->config.health_image,
		.work_folder = folder,
		.leader = w->leader,
		.lock_fd = lock_fd,
		.cancel_fd = w->cancel_fd,
		.steps = health_steps,
		.why_ended = why_ended,
		.on_stage = on_stage,
		.arg = w->board,
		.start_ns = clock_mono_ns(a->clock),
		.start_wall_ms = clock_wall_ms(a->clock)};
	_cleanup_free_ char *text = NULL;
	size_t n;

	text = runner_perform(&r, &n);
	return read_result(text, why);
}

static bool check_locked(struct agent *a, struct board_work *w, int lock_fd, char *why)
{
	char folder[FILE_PATH_BYTES], sha256[SHA256_HEX_BYTES];
	unsigned long long bytes;
	struct job *job;
	struct fault f = {0};
	bool good = false;

	if (sha256_file(w->config.health_image, sha256, &bytes, &f)) {
		snprintf(
			why, FLEET_DETAIL_BYTES, "the health check cannot be made: %.400s", f.text);
		return false;
	}
	job = make_job(&w->config, sha256);
	if (!job ||
		file_path(folder, sizeof(folder), "%s/health-%s", a->settings->data,
			w->config.name)) {
		job_free(job);
		snprintf(why, FLEET_DETAIL_BYTES, "the health check cannot be made: no memory");
		return false;
	}
	file_remove_tree(folder, NULL);
	if (mkdir(folder, 0755))
		snprintf(why, FLEET_DETAIL_BYTES,
			"the health check cannot be made: no folder %.300s: %s", folder,
			strerror(errno));
	else
		good = walk(a, w, job, folder, lock_fd, why);
	file_remove_tree(folder, NULL);
	job_free(job);
	return good;
}

bool health_check(void *arg, struct board_work *w, char *why)
{
	struct agent *a = arg;
	struct board_lock lock;
	struct fault f = {0};
	bool good;

	if (board_waits_for_meter(w->board)) {
		snprintf(why, FLEET_DETAIL_BYTES,
			"the health check waits for the PPK2, which another board uses");
		return false;
	}
	if (board_lock_take(a->settings->run, a->settings->data, &w->config, &lock, &f)) {
		snprintf(
			why, FLEET_DETAIL_BYTES, "the health check cannot be made: %.400s", f.text);
		return false;
	}
	good = check_locked(a, w, lock.n ? lock.fds[0] : -1, why);
	board_lock_drop(&lock);
	if (good)
		log_info("health check passed", LOG_STR("board", w->config.name));
	else
		log_warning("health check failed", LOG_STR("board", w->config.name),
			LOG_STR("why", why));
	return good;
}
