#include "agent/link/acquire.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "agent/link/backoff.h"
#include "agent/link/orders.h"
#include "agent/tunnel/tunnels.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/random.h"

#define REQUEST_BYTES 12

struct acquire {
	struct agent *agent;
	pthread_t thread;
	bool running;
	int wake_fd; /* also written when the agent stops */
	struct backoff backoff;
	bool failing;
	unsigned stale; /* sessions in turn that were old at their first call */
	/* The call that is made, or repeated when its answer was lost. */
	char request[2 * REQUEST_BYTES + 1];
	json_t *boards;
	json_t *acknowledged;
};

static bool stopping(const struct acquire *q)
{
	struct pollfd fd = {.fd = q->agent->stop_fd, .events = POLLIN};

	return poll(&fd, 1, 0) > 0;
}

static void wait_ms(struct acquire *q, int64_t ms)
{
	struct pollfd fds[2] = {
		{.fd = q->agent->stop_fd, .events = POLLIN}, {.fd = q->wake_fd, .events = POLLIN}};

	clock_poll(q->agent->clock, fds, 1, clock_deadline_ms(q->agent->clock, ms));
}

static void new_request(struct acquire *q)
{
	eventfd_t ignored;

	/* First the bell, then the list: a change in between rings again. */
	eventfd_read(q->wake_fd, &ignored);
	json_decref(q->boards);
	json_decref(q->acknowledged);
	random_hex(REQUEST_BYTES, q->request);
	q->boards = fleet_acquire_boards(q->agent->fleet);
	q->acknowledged = orders_acknowledged(q->agent->orders);
}

static void no_request(struct acquire *q)
{
	q->request[0] = '\0';
}

static int call_once(struct acquire *q, struct link_answer *answer, struct fault *f)
{
	struct link_call call = LINK_CALL_INIT;
	struct link_session session;
	json_t *body;
	int rc;

	link_session(q->agent->link, &session);
	body = json_pack("{s:s, s:O, s:O}", "request", q->request, "boards", q->boards,
		"acknowledged", q->acknowledged);
	call.method = "POST";
	call.path = "/agent/v1/acquire";
	call.json = body;
	call.urgent = true;
	call.timeout_ms = session.acquire_ms + ACQUIRE_SLACK_MS;
	call.cancel_fd = q->wake_fd;
	rc = link_perform(q->agent->link, &call, answer, f);
	json_decref(body);
	return rc;
}

static void take_answer(struct acquire *q, json_t *answer)
{
	struct agent *a = q->agent;
	json_t *offers = json_object_get(answer, "offers");
	const json_t *checks = json_object_get(answer, "checks");
	const json_t *tunnels = json_object_get(answer, "tunnels");

	orders_told(a->orders, q->acknowledged);
	orders_take(a->orders, answer);
	fleet_offer(a->fleet, offers);
	tunnels_take(a->tunnels, tunnels);
	if (json_array_size(offers))
		fleet_wait_started(a->fleet, clock_deadline_ms(a->clock, ACQUIRE_START_MS));
	else if (json_array_size(checks) || json_array_size(tunnels))
		wait_ms(q, ACQUIRE_PAUSE_MS);
}

static void failed(struct acquire *q, int rc, const struct fault *f)
{
	if (!q->failing)
		log_warning("the server does not answer", LOG_STR("why", f->text));
	if (rc == -EPROTONOSUPPORT)
		log_error("this agent's version is not served: install the one of the server",
			LOG_STR("why", f->text));
	q->failing = true;
	wait_ms(q, backoff_fail(&q->backoff));
}

/* Two that register in turn would do so as fast as the server answers. */
static void usurped(struct acquire *q)
{
	if (q->stale == 2)
		log_warning("each new session is old at once: does another agent use this name?");
	wait_ms(q, backoff_fail(&q->backoff));
}

static void succeeded(struct acquire *q)
{
	q->stale = 0;
	if (q->failing) {
		log_info("the server answers again");
		sender_wake(q->agent->sender);
	}
	q->failing = false;
	backoff_reset(&q->backoff);
}

static void poll_once(struct acquire *q)
{
	struct link_answer answer;
	struct fault f;
	int rc;

	if (!q->request[0])
		new_request(q);
	rc = call_once(q, &answer, &f);
	switch (rc) {
	case 0:
		succeeded(q);
		take_answer(q, answer.json);
		no_request(q);
		break;
	case -ECANCELED:
		no_request(q);
		break;
	case -ESTALE:
		no_request(q);
		rc = session_renew(q->agent->session, answer.session, q->agent->stop_fd, &f);
		if (rc)
			failed(q, rc, &f);
		else if (q->stale++)
			usurped(q);
		break;
	default:
		/* The answer may have been lost with offers in it: the same request again. */
		if (link_is_final(rc))
			no_request(q);
		failed(q, rc, &f);
	}
	link_answer_done(&answer);
}

/* The longest that one turn waits: for its call, to register anew, and after a failure. */
static void promise(struct acquire *q)
{
	struct link_session session;

	link_session(q->agent->link, &session);
	pulse_promise(&q->agent->acquire_pulse, q->agent->clock,
		session.acquire_ms + ACQUIRE_SLACK_MS + 2 * REGISTER_TIMEOUT_MS + BACKOFF_CAP_MS);
}

static void *acquire_main(void *arg)
{
	struct acquire *q = arg;
	struct link_session session;
	struct fault f;
	int rc;

	while (!stopping(q)) {
		promise(q);
		link_session(q->agent->link, &session);
		if (session.session) {
			poll_once(q);
			continue;
		}
		rc = session_renew(q->agent->session, 0, q->agent->stop_fd, &f);
		if (rc)
			failed(q, rc, &f);
		else
			succeeded(q);
	}
	return NULL;
}

int acquire_open(struct agent *a, struct acquire **out, struct fault *f)
{
	struct acquire *q = calloc(1, sizeof(*q));

	if (!q)
		return fault_errno(f, ENOMEM, "acquire");
	q->agent = a;
	q->backoff = BACKOFF_INIT(a->random_below);
	q->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->wake_fd < 0) {
		int error = errno;

		free(q);
		return fault_errno(f, error, "acquire");
	}
	*out = q;
	return 0;
}

int acquire_start(struct acquire *q, struct fault *f)
{
	int rc = pthread_create(&q->thread, NULL, acquire_main, q);

	q->running = rc == 0;
	return rc ? fault_errno(f, rc, "acquire") : 0;
}

void acquire_stop(struct acquire *q)
{
	if (!q || !q->running)
		return;
	acquire_wake(q);
	pthread_join(q->thread, NULL);
	q->running = false;
}

void acquire_close(struct acquire *q)
{
	if (!q)
		return;
	file_close(&q->wake_fd);
	json_decref(q->boards);
	json_decref(q->acknowledged);
	free(q);
}

void acquire_wake(struct acquire *q)
{
	eventfd_write(q->wake_fd, 1);
}
