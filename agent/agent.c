#include "agent/agent.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/board/keeper.h"
#include "agent/link/acquire.h"
#include "agent/link/backoff.h"
#include "agent/link/heartbeat.h"
#include "agent/link/orders.h"
#include "agent/run/health.h"
#include "agent/run/perform.h"
#include "agent/tunnel/tunnels.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/random.h"

#define TOKEN_MAX_BYTES 4096
#define STOP_POLL_MS 50
#define ARENAS_MAX 2
#define DATA_LOCK_MS 2000
#define DATA_LOCK_POLL_MS 10
#define MMAP_THRESHOLD_BYTES (128 * 1024)
/* After the grace, for steps to end and their results to be spooled. */
#define STOP_END_MS 10000

static void wake_acquire(void *arg)
{
	struct agent *a = arg;

	acquire_wake(a->acquire);
}

static void wake_heartbeat(void *arg)
{
	struct agent *a = arg;

	heartbeat_wake(a->heartbeat);
}

static json_t *boards_held(void *arg)
{
	struct agent *a = arg;

	return fleet_register_boards(a->fleet);
}

static json_t *runs_held(void *arg)
{
	struct agent *a = arg;
	struct link_session session;
	json_t *runs = json_array();

	link_session(a->link, &session);
	fleet_add_runs(a->fleet, runs, false);
	spool_add_runs(a->spool, session.lineage, runs, false);
	return runs;
}

static void registered(void *arg, const json_t *answer)
{
	struct agent *a = arg;

	fleet_registered(a->fleet, json_object_get(answer, "boards"));
	orders_take(a->orders, answer);
	sender_wake(a->sender);
	acquire_wake(a->acquire);
	heartbeat_wake(a->heartbeat);
}

struct artifact_sink {
	int fd;
	uint64_t bytes;
};

static int sink_write(void *arg, const void *data, size_t n)
{
	struct artifact_sink *s = arg;

	s->bytes += n;
	return s->bytes > ARTIFACT_MAX_BYTES || file_write_all(s->fd, data, n);
}

static int fetch_once(struct agent *a, const char *sha256, int fd, int64_t timeout_ms,
	int cancel_fd, struct fault *f)
{
	struct artifact_sink sink = {fd, 0};
	struct link_call call = LINK_CALL_INIT;
	struct link_answer answer;
	char path[128];
	int rc;

	snprintf(path, sizeof(path), "/agent/v1/artifacts/%s", sha256);
	call.method = "GET";
	call.path = path;
	call.timeout_ms = timeout_ms;
	call.cancel_fd = cancel_fd;
	call.sink = sink_write;
	call.sink_arg = &sink;
	rc = link_perform(a->link, &call, &answer, f);
	link_answer_done(&answer);
	return rc;
}

/* A connection that breaks must not cost the job an attempt: from the start again, until time is up. */
static int fetch_artifact(
	void *arg, const char *sha256, int fd, int64_t timeout_ms, int cancel_fd, struct fault *f)
{
	struct agent *a = arg;
	int64_t deadline_ns = clock_deadline_ms(a->clock, timeout_ms);
	struct backoff backoff = BACKOFF_INIT(a->random_below);
	struct pollfd cancel = {.fd = cancel_fd, .events = POLLIN};

	for (;;) {
		int rc = fetch_once(
			a, sha256, fd, clock_left_ms(a->clock, deadline_ns), cancel_fd, f);
		int64_t retry_ns;

		if (rc == 0 || rc == -ECANCELED || link_is_final(rc))
			return rc;
		retry_ns = clock_deadline_ms(a->clock, backoff_fail(&backoff));
		if (retry_ns >= deadline_ns)
			return rc;
		if (clock_poll(a->clock, &cancel, 1, retry_ns) > 0)
			return -ECANCELED;
		if (ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET))
			return fault_errno(f, errno, "artifact %s", sha256);
	}
}

static int read_token(const struct agent_settings *s, char **token, struct fault *f)
{
	size_t n;
	int rc;

	if (!s->token_file[0])
		return 0;
	rc = file_read(s->token_file, TOKEN_MAX_BYTES, token, &n, f);
	if (!rc)
		(*token)[strcspn(*token, "\r\n")] = '\0';
	return rc;
}

static int open_link(struct agent *a, struct fault *f)
{
	_cleanup_free_ char *token = NULL;
	struct link_options link = {
		.server = a->settings->server, .ca = a->settings->ca[0] ? a->settings->ca : NULL};
	struct session_options session = {.name = a->settings->name,
		.boards = boards_held,
		.runs = runs_held,
		.registered = registered,
		.arg = a};
	int rc = read_token(a->settings, &token, f);

	link.token = token;
	if (!rc && link.ca && access(link.ca, R_OK) != 0)
		rc = fault_errno(f, errno, "[agent] ca = %s", link.ca);
	if (!rc)
		rc = link_open(&link, &a->link, f);
	session.link = a->link;
	return rc ? rc : session_open(&session, &a->session, f);
}

/* Below DATA; work folders of an earlier process are of no use to anybody. */
static int open_disk(struct agent *a, struct fault *f)
{
	const char *data = a->settings->data;
	struct cache_options cache = {.cap_bytes = a->settings->cache_bytes,
		.clock = a->clock,
		.fetch = fetch_artifact,
		.arg = a};
	char path[FILE_PATH_BYTES];
	int rc;

	file_path(path, sizeof(path), "%s/work", data);
	rc = file_remove_tree(path, f);
	if (!rc)
		rc = file_make_folders(path, 0755, f);
	file_path(path, sizeof(path), "%s/locks", data);
	if (!rc)
		rc = file_make_folders(path, 0755, f);
	if (!rc)
		rc = file_make_folders(a->settings->run, 0755, f);
	file_path(path, sizeof(path), "%s/epochs", data);
	if (!rc)
		rc = epochs_open(path, &a->epochs, f);
	file_path(path, sizeof(path), "%s/spool", data);
	if (!rc)
		rc = spool_open(path, &a->spool, f);
	file_path(path, sizeof(path), "%s/cache", data);
	cache.folder = path;
	return rc ? rc : cache_open(&cache, &a->cache, f);
}

static int open_fleet(struct agent *a, struct fault *f)
{
	struct fleet_options o = {.clock = a->clock,
		.epochs = a->epochs,
		.perform = perform_offer,
		.check = health_check,
		.random_below = a->random_below,
		.wake_acquire = wake_acquire,
		.wake_heartbeat = wake_heartbeat,
		.arg = a};
	bool changed;
	int rc = acquire_open(a, &a->acquire, f);

	if (!rc)
		rc = heartbeat_open(a, &a->heartbeat, f);
	if (!rc)
		rc = fleet_open(&o, &a->fleet, f);
	if (!rc)
		rc = orders_open(a->fleet, &a->orders, f);
	if (!rc)
		rc = tunnels_open(a, &a->tunnels, f);
	if (!rc)
		rc = fleet_apply(a->fleet, a->settings->boards, a->settings->n_boards, &changed, f);
	return rc;
}

static int start_threads(struct agent *a, struct fault *f)
{
	struct sender_options sender = {.deliver = {a->link, a->session, a->spool, a->stop_fd},
		.clock = a->clock,
		.random_below = a->random_below};
	struct shipper_options shipper = {
		.deliver = sender.deliver, .clock = a->clock, .random_below = a->random_below};
	int rc = sender_start(&sender, &a->sender, f);

	if (!rc)
		rc = shipper_start(&shipper, &a->shipper, f);
	if (!rc)
		rc = keeper_start(a, &a->keeper, f);
	if (!rc) {
		keeper_settle(a->keeper);
		/* The first register tells all of it. */
		fleet_take_changed(a->fleet);
		rc = acquire_start(a->acquire, f);
	}
	return rc ? rc : heartbeat_start(a->heartbeat, f);
}

static void reload(struct agent *a, const char *config_path)
{
	struct agent_settings *fresh;
	struct fault f;
	bool changed;

	if (settings_load(config_path, &fresh, &f)) {
		log_error("the configuration is not taken; the old one goes on",
			LOG_STR("error", f.text));
		return;
	}
	if (strcmp(fresh->name, a->settings->name) != 0 ||
		strcmp(fresh->server, a->settings->server) != 0 ||
		strcmp(fresh->data, a->settings->data) != 0 ||
		strcmp(fresh->run, a->settings->run) != 0)
		log_warning("changes of [agent] take effect at the next start only");
	if (fleet_apply(a->fleet, fresh->boards, fresh->n_boards, &changed, &f))
		log_error("the boards are not all taken", LOG_STR("error", f.text));
	else
		log_info("configuration read", LOG_U64("boards", fresh->n_boards));
	settings_free(fresh);
}

/* True: another signal came, so the patience is over. */
static bool wait_idle(struct agent *a, int signal_fd, int64_t ms)
{
	int64_t deadline_ns = clock_deadline_ms(a->clock, ms);
	struct pollfd fd = {.fd = signal_fd, .events = POLLIN};

	while (fleet_is_busy(a->fleet) && !clock_expired(a->clock, deadline_ns)) {
		if (clock_poll(a->clock, &fd, 1, clock_deadline_ms(a->clock, STOP_POLL_MS)) > 0)
			return true;
	}
	return false;
}

/*
 * Runs may end by themselves within the grace; then they are ended as infrastructure, so that they
 * are tried again elsewhere. Their results are spooled, and delivered now or at the next start.
 */
static void stop_runs(struct agent *a, int signal_fd)
{
	fleet_stop_offers(a->fleet);
	if (fleet_is_busy(a->fleet))
		log_info("stopping: running jobs may go on for a while",
			LOG_I64("grace_ms", a->settings->stop_grace_ms));
	wait_idle(a, signal_fd, a->settings->stop_grace_ms);
	fleet_end_all(a->fleet, RUN_END_STOPPED, "the agent was stopped");
	tunnels_clear(a->tunnels, NULL);
	wait_idle(a, signal_fd, STOP_END_MS);
	heartbeat_goodbye(a);
}

static void serve(struct agent *a, const char *config_path, int signal_fd)
{
	notify_say(&a->notify, "READY=1\nSTATUS=%zu boards, server %s", a->settings->n_boards,
		a->settings->server);
	for (;;) {
		struct signalfd_siginfo info;

		if (read(signal_fd, &info, sizeof(info)) != sizeof(info))
			continue;
		if (info.ssi_signo != SIGHUP)
			break;
		notify_say(&a->notify, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
			clock_mono_ns(a->clock) / 1000);
		reload(a, config_path);
		notify_say(&a->notify, "READY=1");
	}
	notify_say(&a->notify, "STOPPING=1\nSTATUS=finishing what runs");
	stop_runs(a, signal_fd);
}

static void close_all(struct agent *a)
{
	/* Calls to the server are given up from here on. */
	if (a->stop_fd >= 0)
		eventfd_write(a->stop_fd, 1);
	heartbeat_stop(a->heartbeat);
	acquire_stop(a->acquire);
	tunnels_close(a->tunnels);
	keeper_stop(a->keeper);
	fleet_close(a->fleet);
	shipper_stop(a->shipper);
	sender_stop(a->sender);
	heartbeat_close(a->heartbeat);
	acquire_close(a->acquire);
	orders_close(a->orders);
	session_close(a->session);
	link_close(a->link);
	cache_close(a->cache);
	spool_close(a->spool);
	epochs_close(a->epochs);
	file_close(&a->stop_fd);
}

static int open_all(struct agent *a, struct fault *f)
{
	int rc;

	a->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (a->stop_fd < 0)
		return fault_errno(f, errno, "eventfd");
	rc = open_link(a, f);
	if (!rc)
		rc = open_disk(a, f);
	if (!rc)
		rc = open_fleet(a, f);
	return rc ? rc : start_threads(a, f);
}

static int block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	/* Before any thread is made, so that all of them inherit it. */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit of file sizes is a full disk, not the end */
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/*
 * A child that an agent was starting when it was killed holds a copy of its descriptors until the
 * exec: the lock may be free only a moment after its owner has gone.
 */
static int lock_data(const char *data, int signal_fd, int *lock_fd, struct fault *f)
{
	int64_t deadline_ns = clock_deadline_ms(&clock_system, DATA_LOCK_MS);
	struct pollfd stop = {.fd = signal_fd, .events = POLLIN};
	char path[FILE_PATH_BYTES];
	int rc = file_path(path, sizeof(path), "%s/lock", data);

	if (rc)
		return fault_errno(f, -rc, "data folder %s", data);
	rc = file_lock(path, lock_fd, f);
	while (rc == -EWOULDBLOCK && !clock_expired(&clock_system, deadline_ns)) {
		int64_t again_ns = clock_deadline_ms(&clock_system, DATA_LOCK_POLL_MS);

		if (clock_poll(&clock_system, &stop, 1, again_ns) != 0)
			break;
		rc = file_lock(path, lock_fd, f);
	}
	if (rc == -EWOULDBLOCK)
		fault_wrap(f, "another agent uses the data folder %s; give each its own", data);
	return rc;
}

int agent_run(const char *config_path)
{
	struct agent a = {.clock = &clock_system,
		.random_below = random_below,
		.notify = NOTIFY_INIT,
		.stop_fd = -1};
	struct agent_settings *settings = NULL;
	_cleanup_(file_close) int lock_fd = -1;
	_cleanup_(file_close) int signal_fd = block_signals();
	struct fault f;
	int rc;

	/* A heap for each of many threads, which mostly wait, would only hold on to memory. */
	mallopt(M_ARENA_MAX, ARENAS_MAX);
	/* Fixed: otherwise one large result makes all later ones stay in the heap. */
	mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES);
	rc = notify_open(&a.notify, &f);
	if (!rc)
		rc = settings_load(config_path, &settings, &f);
	if (!rc)
		rc = file_make_folders(settings->data, 0751, &f);
	if (!rc)
		rc = lock_data(settings->data, signal_fd, &lock_fd, &f);
	a.settings = settings;
	if (!rc)
		rc = open_all(&a, &f);
	if (!rc)
		serve(&a, config_path, signal_fd);
	else
		log_error("the agent cannot run", LOG_STR("error", f.text));
	close_all(&a);
	notify_close(&a.notify);
	settings_free(settings);
	if (!rc)
		log_info("stopped");
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
