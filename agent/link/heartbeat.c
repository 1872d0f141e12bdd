#include "agent/link/heartbeat.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

#include "agent/board/lock.h"
#include "agent/link/orders.h"
#include "common/cleanup.h"
#include "common/file.h"
#include "common/log.h"

#define DEFAULT_INTERVAL_MS 15000

struct heartbeat {
	struct agent *agent;
	pthread_t thread;
	bool running;
	int wake_fd;
	atomic_bool rung; /* the bell is written already */
};

void heartbeat_attest(struct agent *a)
{
	/* One at a time: two attempts would find each other. */
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	_cleanup_free_ struct board_config *boards = NULL;
	size_t n;

	if (fleet_wanted_checks(a->fleet, &boards, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		struct board_lock lock;
		struct fault f;
		int rc;

		pthread_mutex_lock(&one);
		rc = board_lock_take(a->settings->run, a->settings->data, &boards[i], &lock, &f);
		if (!rc)
			board_lock_drop(&lock);
		pthread_mutex_unlock(&one);
		fleet_checked(a->fleet, boards[i].name, rc == 0, rc ? f.text : "");
	}
}

static json_t *make_body(struct agent *a, const char *lineage)
{
	json_t *runs = json_array();

	fleet_add_runs(a->fleet, runs, true);
	spool_add_runs(a->spool, lineage, runs, true);
	return json_pack("{s:o, s:o, s:o}", "runs", runs, "boards",
		fleet_heartbeat_boards(a->fleet), "rejected", spool_rejected(a->spool));
}

static int beat(struct agent *a, int64_t timeout_ms, struct fault *f)
{
	struct link_call call = LINK_CALL_INIT;
	struct link_answer answer;
	struct link_session session;
	json_t *body;
	int rc;

	link_session(a->link, &session);
	body = make_body(a, session.lineage);
	call.method = "POST";
	call.path = "/agent/v1/heartbeat";
	call.json = body;
	call.urgent = true;
	call.timeout_ms = timeout_ms;
	call.cancel_fd = a->stop_fd;
	rc = link_perform(a->link, &call, &answer, f);
	if (rc == -ESTALE)
		rc = session_renew(a->session, answer.session, a->stop_fd, f);
	else if (rc == 0) {
		spool_rejected_told(a->spool, json_array_size(json_object_get(body, "rejected")));
		fleet_attested(a->fleet, json_object_get(body, "boards"));
		orders_take(a->orders, answer.json);
	}
	link_answer_done(&answer);
	json_decref(body);
	return rc;
}

void heartbeat_goodbye(struct agent *a)
{
	struct link_session session;
	struct fault f;

	link_session(a->link, &session);
	if (session.session)
		beat(a, HEARTBEAT_GOODBYE_MS, &f);
}

/* False: the agent stops. */
static bool wait_until(struct heartbeat *h, int64_t deadline_ns, bool also_wake)
{
	struct pollfd fds[2] = {
		{.fd = h->agent->stop_fd, .events = POLLIN}, {.fd = h->wake_fd, .events = POLLIN}};
	eventfd_t ignored;

	clock_poll(h->agent->clock, fds, also_wake ? 2 : 1, deadline_ns);
	if (also_wake) {
		/* In this order: what is told from here on rings again. */
		atomic_store(&h->rung, false);
		eventfd_read(h->wake_fd, &ignored);
	}
	return !fds[0].revents;
}

static void tell(struct heartbeat *h, bool *failing)
{
	struct agent *a = h->agent;
	struct link_session session;
	struct fault f;
	int rc = 0;

	link_session(a->link, &session);
	if (!session.session)
		return;
	heartbeat_attest(a);
	if (fleet_take_changed(a->fleet))
		rc = session_renew(a->session, session.session, a->stop_fd, &f);
	if (!rc)
		rc = beat(a, HEARTBEAT_TIMEOUT_MS, &f);
	if (rc && rc != -ECANCELED && !*failing)
		log_warning("heartbeat failed", LOG_STR("why", f.text));
	*failing = rc != 0;
}

static void *heartbeat_main(void *arg)
{
	struct heartbeat *h = arg;
	struct agent *a = h->agent;
	bool failing = false;

	for (;;) {
		struct link_session session;
		int64_t interval_ms;

		pulse_promise(&a->heartbeat_pulse, a->clock,
			2 * REGISTER_TIMEOUT_MS + HEARTBEAT_TIMEOUT_MS);
		tell(h, &failing);
		link_session(a->link, &session);
		interval_ms = session.session ? session.heartbeat_ms : DEFAULT_INTERVAL_MS;
		pulse_promise(&a->heartbeat_pulse, a->clock, HEARTBEAT_GATHER_MS + interval_ms);
		if (!wait_until(h, clock_deadline_ms(a->clock, HEARTBEAT_GATHER_MS), false) ||
			!wait_until(h, clock_deadline_ms(a->clock, interval_ms), true))
			break;
	}
	return NULL;
}

int heartbeat_open(struct agent *a, struct heartbeat **out, struct fault *f)
{
	struct heartbeat *h = calloc(1, sizeof(*h));

	if (!h)
		return fault_errno(f, ENOMEM, "heartbeat");
	h->agent = a;
	h->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (h->wake_fd < 0) {
		int error = errno;

		free(h);
		return fault_errno(f, error, "heartbeat");
	}
	*out = h;
	return 0;
}

int heartbeat_start(struct heartbeat *h, struct fault *f)
{
	int rc = pthread_create(&h->thread, NULL, heartbeat_main, h);

	h->running = rc == 0;
	return rc ? fault_errno(f, rc, "heartbeat") : 0;
}

void heartbeat_stop(struct heartbeat *h)
{
	if (!h || !h->running)
		return;
	pthread_join(h->thread, NULL);
	h->running = false;
}

void heartbeat_close(struct heartbeat *h)
{
	if (!h)
		return;
	file_close(&h->wake_fd);
	free(h);
}

void heartbeat_wake(struct heartbeat *h)
{
	if (!atomic_exchange(&h->rung, true))
		eventfd_write(h->wake_fd, 1);
}
