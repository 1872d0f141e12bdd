#include "agent/link/session.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/random.h"

#define HOST_BYTES 256
#define INSTANCE_BYTES 16

struct session {
	struct session_options o;
	pthread_mutex_t lock;
	char host[HOST_BYTES];
	char instance[2 * INSTANCE_BYTES + 1];
};

int session_open(const struct session_options *o, struct session **out, struct fault *f)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return fault_errno(f, ENOMEM, "session");
	s->o = *o;
	pthread_mutex_init(&s->lock, NULL);
	if (gethostname(s->host, sizeof(s->host) - 1))
		snprintf(s->host, sizeof(s->host), "unknown");
	random_hex(INSTANCE_BYTES, s->instance);
	*out = s;
	return 0;
}

void session_close(struct session *s)
{
	if (!s)
		return;
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static int register_once(struct session *s, int cancel_fd, struct fault *f)
{
	json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "name", s->o.name, "host",
		s->host, "version", HILDA_VERSION, "instance", s->instance, "boards",
		s->o.boards(s->o.arg), "runs", s->o.runs(s->o.arg));
	struct link_call call = LINK_CALL_INIT;
	struct link_answer answer;
	struct link_session now;
	int rc;

	call.method = "POST";
	call.path = "/agent/v1/register";
	call.json = body;
	call.without_session = true;
	call.urgent = true;
	call.timeout_ms = REGISTER_TIMEOUT_MS;
	call.cancel_fd = cancel_fd;
	rc = body ? link_perform(s->o.link, &call, &answer, f) : fault_errno(f, ENOMEM, "register");
	json_decref(body);
	if (body && !rc)
		rc = link_set_session(s->o.link, answer.json, f);
	if (!rc) {
		link_session(s->o.link, &now);
		log_info("registered", LOG_STR("agent", s->o.name), LOG_U64("session", now.session),
			LOG_STR("lineage", now.lineage));
		s->o.registered(s->o.arg, answer.json);
	}
	if (body)
		link_answer_done(&answer);
	return rc;
}

int session_renew(struct session *s, uint64_t stale, int cancel_fd, struct fault *f)
{
	struct link_session now;
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	link_session(s->o.link, &now);
	if (now.session == stale)
		rc = register_once(s, cancel_fd, f);
	pthread_mutex_unlock(&s->lock);
	return rc;
}
