/* hildad: reads its settings, opens the data folder, serves until SIGTERM or SIGINT. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/failpoint.h"
#include "common/file.h"
#include "common/log.h"
#include "common/notify.h"
#include "server/auth/auth.h"
#include "server/commands/commands.h"
#include "server/commands/local.h"
#include "server/context.h"
#include "server/http/http.h"
#include "server/http/listen.h"
#include "server/retention/retention.h"
#include "server/schedule/reaper.h"
#include "server/schedule/scheduler.h"
#include "server/tls/pair.h"
#include "server/watchdog.h"

/* Whole or not at all, for those who wait for it; it need not survive a power cut. */
static int write_port_file(const struct settings *s, uint16_t port, struct fault *f)
{
	_cleanup_(file_close) int fd = -1;
	char text[16], temporary[SETTINGS_TEXT_BYTES + 8];
	int rc;

	if (!*s->port_file)
		return 0;
	snprintf(text, sizeof(text), "%u\n", port);
	snprintf(temporary, sizeof(temporary), "%s.new", s->port_file);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	rc = fd < 0 ? -errno : file_write_all(fd, text, strlen(text));
	if (rc == 0 && rename(temporary, s->port_file) != 0)
		rc = -errno;
	return rc == 0 ? 0 : fault_errno(f, -rc, "cannot write the port file %s", s->port_file);
}

static void tell_tls(const struct tls_pair *pair, int64_t now_ms)
{
	int64_t days = (pair->expires_ms - now_ms) / (24 * 3600 * INT64_C(1000));

	log_info("TLS", LOG_STR("fingerprint", pair->fingerprint), LOG_I64("days_left", days));
	if (days < TLS_WARN_DAYS)
		log_warning(
			"the certificate's time is over soon: make a new one (hildad tls init --force) and "
			"give agents and users the new file for `ca`",
			LOG_I64("days_left", days));
}

/* What the process is asked from outside: to end, and whether it lives. */
struct outside {
	sigset_t ends;
	int signal_fd;
	struct notify notify;
	struct watchdog watchdog;
};

/* Until the first signal; a second one ends the process as it is, which costs nothing that was promised. */
static void wait_for_end(struct outside *o, const struct clock *clock)
{
	struct pollfd fd = {.fd = o->signal_fd, .events = POLLIN};
	struct signalfd_siginfo info = {0};

	while (clock_poll(clock, &fd, 1, watchdog_due_ns(&o->watchdog, clock)) <= 0)
		watchdog_ask(&o->watchdog);
	(void)!read(o->signal_fd, &info, sizeof(info));
	log_info("hildad ends", LOG_STR("signal", strsignal((int)info.ssi_signo)));
	notify_say(&o->notify, "STOPPING=1\nSTATUS=answering what was asked");
	pthread_sigmask(SIG_UNBLOCK, &o->ends, NULL);
}

static void say_ready(struct server *server, struct outside *o, const struct listen_address *a)
{
	char status[WATCHDOG_STATUS_BYTES];

	if (!listen_is_loopback(a) && !server->auth->required)
		log_warning("insecure: whoever reaches this port may do everything",
			LOG_STR("listen", a->host), LOG_U64("port", http_port(server->http)));
	if (server->tls)
		tell_tls(server->tls, clock_wall_ms(server->clock));
	log_info("hildad is ready", LOG_STR("listen", a->host),
		LOG_U64("port", http_port(server->http)), LOG_STR("data", server->settings->data),
		LOG_STR("version", HILDA_VERSION));
	snprintf(status, sizeof(status), "serving at %s port %u", a->host,
		(unsigned)http_port(server->http));
	watchdog_init(&o->watchdog, &o->notify, server->store, status);
	notify_say(&o->notify, "READY=1\nSTATUS=%s", status);
}

static int serve(struct server *server, struct outside *outside, struct fault *f)
{
	struct http *http = NULL;
	struct reaper *reaper = NULL;
	struct scheduler *scheduler = NULL;
	struct retention *retention = NULL;
	struct listen_address address = {0};
	int rc = http_start(server, &http, f);

	if (rc != 0)
		return rc;
	rc = reaper_start(server->store, &reaper, f);
	if (rc == 0)
		rc = scheduler_start(server->store, server->artifacts, &scheduler, f);
	if (rc == 0)
		rc = retention_start(server, &retention, f);
	if (rc == 0)
		rc = local_key_write(server, http_port(http), f);
	if (rc == 0)
		rc = write_port_file(server->settings, http_port(http), f);
	if (rc == 0) {
		listen_parse(server->settings->listen, &address, NULL);
		say_ready(server, outside, &address);
		wait_for_end(outside, server->clock);
	}
	http_drain(http);
	retention_stop(retention);
	scheduler_stop(scheduler);
	reaper_stop(reaper);
	http_stop(http);
	local_key_remove(server);
	return rc;
}

static int run(const struct settings *s, struct outside *outside, struct fault *f)
{
	struct server server = {.settings = s, .clock = &clock_system};
	int rc = notify_open(&outside->notify, f);

	if (rc != 0)
		return rc;
	notify_say(&outside->notify, "STATUS=opening %s", s->data);
	rc = server_open(&server, f);
	if (rc == 0)
		rc = serve(&server, outside, f);
	server_close(&server);
	notify_close(&outside->notify);
	return rc;
}

static int check_tls(const struct settings *s, struct fault *f)
{
	struct tls_pair *pair;
	int rc;

	if (!*s->tls_cert != !*s->tls_key)
		return fault_set(f, EINVAL,
			"tls-cert and tls-key belong together: name both files, or neither");
	if (!settings_tls(s))
		return 0;
	rc = tls_pair_load(s->tls_cert, s->tls_key, clock_wall_ms(&clock_system), &pair, f);
	if (rc == 0)
		tls_pair_free(pair);
	return rc;
}

static int check_address(const struct settings *s, struct fault *f)
{
	struct listen_address address;
	int rc = listen_parse(s->listen, &address, f);

	if (rc != 0)
		return rc;
	address.insecure = s->insecure;
	address.tls = settings_tls(s);
	return listen_check(&address, f);
}

static int check_auth(const struct settings *s, struct fault *f)
{
	if (strcmp(s->auth, "auto") != 0 && strcmp(s->auth, "tokens") != 0 &&
		strcmp(s->auth, "open") != 0)
		return fault_set(f, EINVAL, "auth '%s' is none of auto, tokens, open", s->auth);
	return 0;
}

static int check_log_level(const struct settings *s, struct fault *f)
{
	enum log_level level;

	if (log_level_parse(s->log_level, &level) != 0)
		return fault_set(f, EINVAL, "log-level '%s' is none of error, warning, info, debug",
			s->log_level);
	log_set_level(level);
	return 0;
}

static int check_data(const struct settings *s, struct fault *f)
{
	return *s->data ? 0 : fault_set(f, EINVAL, "data is empty; name the data folder");
}

/* What can be seen to be wrong without opening anything. */
static int (*const checks[])(const struct settings *s, struct fault *f) = {
	check_address, check_tls, check_auth, check_log_level, check_data};

static int check_settings(const struct settings *s, struct fault *f)
{
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(checks) && rc == 0; i++)
		rc = checks[i](s, f);
	return rc;
}

static void say_problem(void *arg, const struct fault *f)
{
	fprintf(stderr, "hildad: %s\n", f->text);
}

/* --check-config: all of it, one line each. */
static int report(const struct settings *s, unsigned problems)
{
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		struct fault f = {0};

		if (checks[i](s, &f) == 0)
			continue;
		say_problem(NULL, &f);
		problems++;
	}
	if (!problems)
		printf("the settings are fine\n");
	return problems ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct settings settings;
	struct settings_run how;
	const struct command *command;
	struct fault f = {0};
	struct outside outside;
	int rc;

	settings_defaults(&settings);
	rc = failpoint_arm(&f);
	if (rc == 0)
		rc = settings_arguments(&settings, &how, argc, argv, say_problem, &f);
	if (rc == 0 && how.help) {
		settings_print_help();
		commands_print_help();
		return 0;
	}
	if (rc == 0 && how.version) {
		printf("hildad %s\n", HILDA_VERSION);
		return 0;
	}
	if (rc == 0 && how.n_words) {
		command = command_find(how.words[0]);
		if (command)
			return command->run(&settings, how.n_words - 1, how.words + 1);
		rc = fault_set(
			&f, EINVAL, "unknown command '%s'; hildad --help lists them", how.words[0]);
	}
	if (rc == 0 && how.check)
		return report(&settings, how.problems);
	if (rc == 0)
		rc = check_settings(&settings, &f);
	if (rc != 0) {
		fprintf(stderr, "hildad: %s\n", f.text);
		return 2;
	}
	/* The writer's memory grows and shrinks with each batch; that need not go to the kernel. */
	mallopt(M_TOP_PAD, 256 * 1024);
	mallopt(M_TRIM_THRESHOLD, 2 * 1024 * 1024);
	/* Every thread inherits the mask; the main thread takes the signals by signalfd. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit of file sizes is a full disk, not the end */
	sigemptyset(&outside.ends);
	sigaddset(&outside.ends, SIGTERM);
	sigaddset(&outside.ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &outside.ends, NULL);
	outside.signal_fd = signalfd(-1, &outside.ends, SFD_CLOEXEC);
	rc = outside.signal_fd < 0 ? fault_errno(&f, errno, "signalfd")
				   : run(&settings, &outside, &f);
	if (rc != 0)
		fprintf(stderr, "hildad: %s\n", f.text);
	return rc == 0 ? 0 : 1;
}
