#include "agent/board/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/board/hold.h"
#include "agent/board/presence.h"
#include "agent/board/ready.h"
#include "agent/board/vboard.h"
#include "agent/link/backoff.h"
#include "agent/link/heartbeat.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/process.h"

#define OUTPUT_MAX_BYTES (64 * 1024)
#define EMULATOR_FDS_MAX SETTINGS_BOARDS_MAX
#define SIGNS_IN_A_TERM 4 /* of the watchdog's */

enum emulator_state { EMULATOR_OFF, EMULATOR_STARTING, EMULATOR_ON };

/* One virtual board's process. */
struct emulator {
	struct emulator *next;
	char name[BOARD_NAME_BYTES];
	char machine[BOARD_NAME_BYTES];
	char folder[FILE_PATH_BYTES - 64];
	enum emulator_state state;
	struct process process;
	int64_t due_ns; /* OFF: when to start; STARTING: when to give up */
	struct backoff backoff;
	bool wanted;
};

struct keeper {
	struct agent *agent;
	pthread_t thread;
	int stop_fd;
	int settled_fd; /* readable once no virtual board is starting */
	struct emulator *emulators;
	int64_t alive_ns; /* when the service manager is told next that the agent lives */
};

static void offline(struct keeper *k, struct emulator *e, const char *why)
{
	process_kill(&e->process);
	e->state = EMULATOR_OFF;
	e->due_ns = clock_deadline_ms(k->agent->clock, backoff_fail(&e->backoff));
	fleet_set_online(k->agent->fleet, e->name, false, why, NULL);
	log_warning("virtual board is down", LOG_STR("board", e->name), LOG_STR("why", why));
}

/* Its own words go to a file beside its folder. */
static int open_output(const struct emulator *e, struct fault *f)
{
	char path[FILE_PATH_BYTES];
	int fd;

	if (file_path(path, sizeof(path), "%s.log", e->folder))
		return fault_errno(f, ENAMETOOLONG, "%s", e->folder);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	return fd < 0 ? fault_errno(f, errno, "cannot write %s", path) : fd;
}

static int start_process(struct keeper *k, struct emulator *e, struct fault *f)
{
	char program[FILE_PATH_BYTES];
	char ready[FILE_PATH_BYTES];
	const char *argv[] = {program, "--machine", e->machine, "--dir", e->folder, NULL};
	struct process_spec spec = PROCESS_SPEC_INIT;
	_cleanup_(file_close) int output = -1;
	int rc;

	vboard_find(k->agent->settings->libexec, program);
	rc = file_make_folders(e->folder, 0750, f);
	if (rc)
		return rc;
	file_path(ready, sizeof(ready), "%s/ready.json", e->folder);
	unlink(ready);
	output = open_output(e, f);
	if (output < 0)
		return output;
	spec.argv = argv;
	spec.stdout_fd = output;
	spec.stderr_fd = output;
	return process_start(&spec, &e->process, f);
}

static void start(struct keeper *k, struct emulator *e)
{
	struct fault f;

	if (start_process(k, e, &f)) {
		offline(k, e, f.text);
		return;
	}
	e->state = EMULATOR_STARTING;
	e->due_ns = clock_deadline_ms(k->agent->clock, KEEPER_READY_MS);
}

static void told(struct keeper *k, struct emulator *e, const struct board_config *config)
{
	struct board_config full = *config;
	char ready[FILE_PATH_BYTES];
	struct fault f;
	int rc;

	file_path(ready, sizeof(ready), "%s/ready.json", e->folder);
	rc = ready_read(ready, &full, &f);
	if (rc == -ENOENT && clock_expired(k->agent->clock, e->due_ns))
		offline(k, e,
			"the virtual board was not ready within 30 s; its log is beside its folder");
	else if (rc && rc != -ENOENT)
		offline(k, e, f.text);
	if (rc || !fleet_set_online(k->agent->fleet, e->name, true, "", &full))
		return;
	e->state = EMULATOR_ON;
	backoff_reset(&e->backoff);
	log_info("virtual board is ready", LOG_STR("board", e->name),
		LOG_STR("machine", e->machine));
}

static bool has_ended(const struct emulator *e)
{
	struct pollfd fd = {.fd = e->process.pidfd, .events = POLLIN};

	return e->process.pid > 0 && poll(&fd, 1, 0) > 0;
}

/* The last line that it wrote, or where to look. */
static const char *last_words(const struct emulator *e, char *text, size_t room)
{
	_cleanup_free_ char *log = NULL;
	char path[FILE_PATH_BYTES];
	char *line;
	size_t n;

	file_path(path, sizeof(path), "%s.log", e->folder);
	if (file_read(path, OUTPUT_MAX_BYTES, &log, &n, NULL))
		n = 0;
	snprintf(text, room, "%s says why", path);
	if (!n)
		return text;
	while (n && log[n - 1] == '\n')
		log[--n] = '\0';
	line = strrchr(log, '\n');
	line = line ? line + 1 : log;
	if (*line)
		snprintf(text, room, "%.*s", FLEET_DETAIL_BYTES / 2, line);
	return text;
}

static void describe_end(struct keeper *k, struct emulator *e, char *text, size_t room)
{
	char words[FILE_PATH_BYTES + 16];
	struct process_end end = {0};

	process_wait(&e->process, k->agent->clock, CLOCK_NEVER, &end);
	if (end.signal)
		snprintf(text, room, VBOARD_PROGRAM " was ended by signal %d", end.signal);
	else
		snprintf(text, room, VBOARD_PROGRAM " ended with code %d: %s", end.code,
			last_words(e, words, sizeof(words)));
}

static void tend(struct keeper *k, struct emulator *e, const struct board_config *config)
{
	char why[FLEET_DETAIL_BYTES + FILE_PATH_BYTES];

	if (has_ended(e)) {
		describe_end(k, e, why, sizeof(why));
		offline(k, e, why);
	}
	if (e->state == EMULATOR_OFF && clock_expired(k->agent->clock, e->due_ns))
		start(k, e);
	/* After a reload the board has only what the administrator wrote. */
	if (e->state == EMULATOR_STARTING || (e->state == EMULATOR_ON && !config->n_openocd))
		told(k, e, config);
}

static struct emulator *find(struct keeper *k, const struct board_config *config)
{
	struct emulator *e;

	for (e = k->emulators; e; e = e->next) {
		if (strcmp(e->name, config->name) == 0 && strcmp(e->machine, config->machine) == 0)
			return e;
	}
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	memcpy(e->name, config->name, sizeof(e->name));
	memcpy(e->machine, config->machine, sizeof(e->machine));
	if (file_path(e->folder, sizeof(e->folder), "%s/virtual/%s", k->agent->settings->data,
		    config->name)) {
		free(e);
		return NULL;
	}
	e->process.pidfd = -1;
	e->backoff = BACKOFF_INIT(k->agent->random_below);
	e->due_ns = INT64_MIN;
	e->next = k->emulators;
	k->emulators = e;
	return e;
}

/* Those whose boards have gone from the configuration. */
static void drop_unwanted(struct keeper *k)
{
	struct emulator **link = &k->emulators;

	while (*link) {
		struct emulator *e = *link;

		if (e->wanted) {
			link = &e->next;
			continue;
		}
		*link = e->next;
		process_kill(&e->process);
		free(e);
	}
}

static void look_at(struct keeper *k, const struct board_config *config)
{
	char why[FLEET_DETAIL_BYTES] = "";
	bool there = presence_check("/", config, why, sizeof(why));

	fleet_set_online(k->agent->fleet, config->name, there, why, NULL);
}

static void look_for_hold(struct keeper *k, const struct board_config *config)
{
	char text[HOLD_TEXT_BYTES];

	if (board_hold_seen(k->agent->settings->run, k->agent->settings->data, config, text))
		fleet_held(k->agent->fleet, config->name, text);
}

/* An agent mostly waits: what the last runs needed goes back to the machine. */
static void give_back_memory(struct keeper *k)
{
	if (!fleet_take_rested(k->agent->fleet))
		return;
	link_close_idle(k->agent->link);
	malloc_trim(0);
}

/*
 * By the keeper, which looks at every board at each tick: not while a thread is later than it had
 * promised, or a board's step goes on long after its deadline.
 */
static void say_alive(struct keeper *k)
{
	struct agent *a = k->agent;
	char board[BOARD_NAME_BYTES];
	const char *why = NULL;

	if (!a->notify.watchdog_ms || !clock_expired(a->clock, k->alive_ns))
		return;
	k->alive_ns = clock_deadline_ms(a->clock, a->notify.watchdog_ms / SIGNS_IN_A_TERM);
	if (pulse_is_broken(&a->acquire_pulse, a->clock))
		why = "the thread that asks for work";
	else if (pulse_is_broken(&a->heartbeat_pulse, a->clock))
		why = "the thread of heartbeats";
	else if (fleet_is_overdue(a->fleet, board))
		why = board;
	if (!why)
		notify_say(&a->notify, "WATCHDOG=1");
	else
		log_error("no sign of life is given: something hangs", LOG_STR("what", why));
}

static void tick(struct keeper *k)
{
	_cleanup_free_ struct board_config *configs = NULL;
	size_t n;

	if (fleet_configs(k->agent->fleet, &configs, &n))
		return;
	for (struct emulator *e = k->emulators; e; e = e->next)
		e->wanted = false;
	for (size_t i = 0; i < n; i++) {
		struct emulator *e = configs[i].machine[0] ? find(k, &configs[i]) : NULL;

		if (e)
			e->wanted = true;
	}
	/* First the old ones go: a board whose machine changed keeps its folder. */
	drop_unwanted(k);
	for (size_t i = 0; i < n; i++) {
		struct emulator *e = configs[i].machine[0] ? find(k, &configs[i]) : NULL;

		if (e)
			tend(k, e, &configs[i]);
		else if (!configs[i].exec && !configs[i].is_virtual)
			look_at(k, &configs[i]);
		look_for_hold(k, &configs[i]);
	}
	heartbeat_attest(k->agent);
	fleet_review(k->agent->fleet);
	give_back_memory(k);
	say_alive(k);
}

/* Until the next tick is due, or a virtual board ends, or the agent stops (false). */
static bool wait_tick(struct keeper *k)
{
	struct pollfd fds[EMULATOR_FDS_MAX + 1] = {{.fd = k->stop_fd, .events = POLLIN}};
	int64_t ms = KEEPER_TICK_MS, sign_ms = k->agent->notify.watchdog_ms / SIGNS_IN_A_TERM;
	nfds_t n = 1;

	for (struct emulator *e = k->emulators; e && n <= EMULATOR_FDS_MAX; e = e->next) {
		if (e->state == EMULATOR_STARTING)
			ms = KEEPER_STARTING_TICK_MS;
		if (e->process.pid > 0)
			fds[n++] = (struct pollfd){.fd = e->process.pidfd, .events = POLLIN};
	}
	if (sign_ms && sign_ms < ms)
		ms = sign_ms;
	clock_poll(k->agent->clock, fds, n, clock_deadline_ms(k->agent->clock, ms));
	return !fds[0].revents;
}

static bool is_starting(const struct keeper *k)
{
	for (const struct emulator *e = k->emulators; e; e = e->next) {
		if (e->state == EMULATOR_STARTING)
			return true;
	}
	return false;
}

static void *keeper_main(void *arg)
{
	struct keeper *k = arg;

	pthread_setname_np(pthread_self(), "keeper");
	do {
		tick(k);
		if (!is_starting(k))
			eventfd_write(k->settled_fd, 1);
	} while (wait_tick(k));
	for (struct emulator *e = k->emulators; e; e = e->next)
		process_signal_group(&e->process, SIGTERM);
	while (k->emulators) {
		struct emulator *e = k->emulators;
		struct process_end end;

		process_wait(&e->process, k->agent->clock,
			clock_deadline_ms(k->agent->clock, KEEPER_TICK_MS), &end);
		k->emulators = e->next;
		free(e);
	}
	return NULL;
}

int keeper_start(struct agent *a, struct keeper **out, struct fault *f)
{
	struct keeper *k = calloc(1, sizeof(*k));
	int rc;

	if (!k)
		return fault_errno(f, ENOMEM, "keeper");
	k->agent = a;
	k->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	k->settled_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = k->stop_fd < 0 || k->settled_fd < 0
		? -errno
		: -pthread_create(&k->thread, NULL, keeper_main, k);
	if (rc) {
		file_close(&k->stop_fd);
		file_close(&k->settled_fd);
		free(k);
		return fault_errno(f, -rc, "keeper");
	}
	*out = k;
	return 0;
}

void keeper_settle(struct keeper *k)
{
	struct pollfd fd = {.fd = k->settled_fd, .events = POLLIN};
	const struct clock *clock = k->agent->clock;

	clock_poll(clock, &fd, 1, clock_deadline_ms(clock, KEEPER_SETTLE_MS));
}

void keeper_stop(struct keeper *k)
{
	if (!k)
		return;
	eventfd_write(k->stop_fd, 1);
	pthread_join(k->thread, NULL);
	file_close(&k->stop_fd);
	file_close(&k->settled_fd);
	free(k);
}
