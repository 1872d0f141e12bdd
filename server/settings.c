#include "server/settings.h"

#include <errno.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/ini.h"
#include "server/http/listen.h"

enum setting_kind { SETTING_TEXT, SETTING_DURATION, SETTING_COUNT, SETTING_FLAG };

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

struct setting {
	const char *key;
	enum setting_kind kind;
	size_t offset;
	const char *text; /* default of a text */
	int64_t number;	  /* default of a duration (ms) or a count */
	int64_t min, max;
	const char *help;
};

#define AT(field) offsetof(struct settings, field)

static const struct setting table[] = {
	{"listen", SETTING_TEXT, AT(listen), "127.0.0.1:8080", 0, 0, 0,
		"address and port, port 0 takes a free one; other than loopback needs TLS (or insecure)"},
	{"tls-cert", SETTING_TEXT, AT(tls_cert), "", 0, 0, 0,
		"certificate, PEM, with its chain if it has one: https only; `hildad tls init` makes one"},
	{"tls-key", SETTING_TEXT, AT(tls_key), "", 0, 0, 0,
		"its key, PEM, readable to hildad's user only"},
	{"insecure", SETTING_FLAG, AT(insecure), NULL, 0, 0, 0,
		"listen on any address, without TLS: tokens and results travel in the open"},
	{"auth", SETTING_TEXT, AT(auth), "auto", 0, 0, 0,
		"who may come in: 'tokens', 'open' (everybody), 'auto': open where only loopback is listened on"},
	{"data", SETTING_TEXT, AT(data), "/var/lib/hilda", 0, 0, 0,
		"folder of the database, artifacts and logs"},
	{"upgrade-without-backup", SETTING_FLAG, AT(upgrade_without_backup), NULL, 0, 0, 0,
		"do not copy the data to DATA/backup-before-NNN before an older database is upgraded"},
	{"web-dir", SETTING_TEXT, AT(web_dir), "", 0, 0, 0,
		"serve the pages from this folder, not from the program"},
	{"port-file", SETTING_TEXT, AT(port_file), "", 0, 0, 0,
		"write the port here once the server answers"},
	{"log-level", SETTING_TEXT, AT(log_level), "info", 0, 0, 0,
		"error, warning, info or debug"},
	{"lease", SETTING_DURATION, AT(lease_ms), NULL, 60 * SECOND, 50, 24 * HOUR,
		"how long a run lives without a heartbeat"},
	{"grace", SETTING_DURATION, AT(grace_ms), NULL, 10 * SECOND, 1, HOUR,
		"added to the lease before the run is lost"},
	{"heartbeat", SETTING_DURATION, AT(heartbeat_ms), NULL, 15 * SECOND, 10, HOUR,
		"how often agents report"},
	{"offer", SETTING_DURATION, AT(offer_ms), NULL, 15 * SECOND, 10, HOUR,
		"an offered run that is not started goes back to the queue after this"},
	{"acquire", SETTING_DURATION, AT(acquire_ms), NULL, 25 * SECOND, 10, 25 * SECOND,
		"how long an agent's request for work waits"},
	{"health-every", SETTING_DURATION, AT(health_every_ms), NULL, 0, 0, 31 * 24 * HOUR,
		"a board that was not checked for so long is, before its next job; 0: never"},
	{"threads", SETTING_COUNT, AT(http.threads), NULL, 9, 1, 64,
		"HTTP threads; each serves 115 connections, those beyond get 503"},
	{"head-timeout", SETTING_DURATION, AT(http.head_ms), NULL, 60 * SECOND, 50, HOUR,
		"from the last answer (or the connection) to the end of the next request's head"},
	{"body-timeout", SETTING_DURATION, AT(http.body_ms), NULL, 30 * SECOND, 50, HOUR,
		"for a body or an answer, plus one second for each 16 KiB of it"},
	{"idle-timeout", SETTING_DURATION, AT(http.idle_ms), NULL, 45 * SECOND, SECOND, HOUR,
		"a connection without any traffic is closed after this"},
	{"rate", SETTING_COUNT, AT(rate), NULL, 2000, 0, 1000000,
		"requests in a second from each token, 429 beyond; 0: no limit"},
	{"rate-burst", SETTING_COUNT, AT(rate_burst), NULL, 10000, 1, 1000000,
		"so many at once, before the rate counts"},
	{"queue-max", SETTING_COUNT, AT(queue_max), NULL, 100000, 0, INT64_C(1) << 40,
		"queued jobs of each token, 429 beyond; a schedule's are not refused; 0: no limit"},
	{"artifact-max-bytes", SETTING_COUNT, AT(artifact_max_bytes), NULL, INT64_C(512) << 20, 1,
		INT64_C(4) << 30, "largest artifact"},
	{"capture-age", SETTING_DURATION, AT(capture_age_ms), NULL, 0, 0, 3650 * 24 * HOUR,
		"captures of runs that ended longer ago are removed, their numbers stay; 0s: never"},
	{"captures-max-bytes", SETTING_COUNT, AT(captures_max_bytes), NULL, 0, 0, INT64_C(1) << 50,
		"above it the oldest captures are removed, their numbers stay; 0: no limit"},
	{"suite-runs-keep", SETTING_COUNT, AT(suite_runs_keep), NULL, 0, 0, 1000000,
		"finished runs that are kept of each suite that has no `keep` of its own, the newest; 0: all"},
	{"suite-runs-age", SETTING_DURATION, AT(suite_runs_age_ms), NULL, 0, 0, 3650 * 24 * HOUR,
		"runs of such suites that ended longer ago are removed with all their jobs, but for the "
		"newest finished one; 0s: never"},
	{"job-age", SETTING_DURATION, AT(job_age_ms), NULL, 0, 0, 3650 * 24 * HOUR,
		"jobs of no suite run that ended longer ago are removed with their runs; 0s: never"},
	{"artifact-age", SETTING_DURATION, AT(artifact_age_ms), NULL, 0, 0, 3650 * 24 * HOUR,
		"artifacts that no job and no suite needs are removed so long after they were sent or named "
		"last; 0s: never"},
	{"retention-every", SETTING_DURATION, AT(retention_every_ms), NULL, 60 * SECOND, 10,
		24 * HOUR, "how often it is looked for what is too old or too much"},
	{"reserve-max", SETTING_DURATION, AT(reserve_max_ms), NULL, 12 * HOUR, SECOND,
		365 * 24 * HOUR, "how long somebody with scope submit may reserve a board at once"},
	{"tunnel-idle", SETTING_DURATION, AT(tunnel_idle_ms), NULL, 15 * SECOND, 300, 60 * SECOND,
		"a board's console or debugger closes when a side is not heard of for this long"},
	{"ping", SETTING_DURATION, AT(ping_ms), NULL, 15 * SECOND, 10, 25 * SECOND,
		"event streams get a comment this often"},
	{"event-history", SETTING_COUNT, AT(history), NULL, 4096, 1, 1000000,
		"events kept for clients that come back"},
};

static void *field(struct settings *s, const struct setting *e)
{
	return (char *)s + e->offset;
}

static int set_text(struct settings *s, const struct setting *e, const char *text, struct fault *f)
{
	if (strlen(text) >= SETTINGS_TEXT_BYTES)
		return fault_set(f, EINVAL, "the value of '%s' is longer than %d characters",
			e->key, SETTINGS_TEXT_BYTES - 1);
	snprintf(field(s, e), SETTINGS_TEXT_BYTES, "%s", text);
	return 0;
}

void settings_defaults(struct settings *s)
{
	*s = (struct settings){0};
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (table[i].kind == SETTING_TEXT)
			set_text(s, &table[i], table[i].text, NULL);
		else if (table[i].kind != SETTING_FLAG)
			memcpy(field(s, &table[i]), &table[i].number, sizeof(table[i].number));
	}
}

static int load_one(
	struct settings *s, const struct setting *e, struct ini_section *section, struct fault *f)
{
	if (e->kind == SETTING_TEXT) {
		const char *text = ini_get(section, e->key);

		return text ? set_text(s, e, text, f) : 0;
	}
	if (e->kind == SETTING_FLAG)
		return ini_get_bool(section, e->key, *(bool *)field(s, e), field(s, e), f);
	if (e->kind == SETTING_DURATION) {
		int64_t *ms = field(s, e);
		int rc = ini_get_duration_ms(section, e->key, *ms, e->max, ms, f);

		if (rc == 0 && *ms < e->min)
			return fault_set(f, EINVAL, "line %d: %s must be at least %lld ms",
				ini_line(section, e->key), e->key, (long long)e->min);
		return rc;
	}
	return ini_get_u64(section, e->key, *(uint64_t *)field(s, e), (uint64_t)e->min,
		(uint64_t)e->max, field(s, e), f);
}

int settings_load(struct settings *s, const char *path, bool must_exist, struct fault *f)
{
	struct ini *ini = NULL;
	struct ini_section *section;
	int rc;

	if (!must_exist && access(path, F_OK) != 0)
		return 0;
	rc = ini_load(path, &ini, f);
	if (rc != 0)
		return rc;
	section = ini_section_find(ini, "server", "");
	if (section)
		ini_section_use(section);
	for (size_t i = 0; i < ARRAY_SIZE(table) && rc == 0 && section; i++)
		rc = load_one(s, &table[i], section, f);
	if (rc == 0)
		rc = ini_check_used(ini, f);
	ini_free(ini);
	return rc;
}

unsigned settings_check(
	struct settings *s, const char *path, bool must_exist, fault_say say, void *arg)
{
	struct ini *ini = NULL;
	struct ini_section *section;
	struct fault f = {0};
	unsigned n = 0;

	if (!must_exist && access(path, F_OK) != 0)
		return 0;
	if (ini_load(path, &ini, &f)) {
		say(arg, &f);
		return 1;
	}
	section = ini_section_find(ini, "server", "");
	for (size_t i = 0; i < ARRAY_SIZE(table) && section; i++) {
		if (load_one(s, &table[i], section, &f) == 0)
			continue;
		say(arg, &f);
		n++;
	}
	n += ini_say_unused(ini, say, arg);
	ini_free(ini);
	return n;
}

/* "--NAME VALUE" or "--NAME=VALUE"; *i moves behind the value. */
static bool take_option(
	int argc, char **argv, int *i, const char *name, const char **value, struct fault *f)
{
	const char *arg = argv[*i];
	size_t n = strlen(name);

	*value = NULL;
	if (strncmp(arg, "--", 2) != 0 || strncmp(arg + 2, name, n) != 0)
		return false;
	if (arg[2 + n] == '=') {
		*value = arg + 3 + n;
		return true;
	}
	if (arg[2 + n])
		return false;
	if (*i + 1 < argc)
		*value = argv[++*i];
	else
		fault_set(f, EINVAL, "--%s needs a value; hildad --help lists the options", name);
	return true;
}

static int take_flag(struct settings_run *run, const char *arg)
{
	if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
		run->help = true;
	else if (strcmp(arg, "--version") == 0)
		run->version = true;
	else if (strcmp(arg, "--check-config") == 0)
		run->check = true;
	else
		return -ENOENT;
	return 0;
}

/* Options that are also settings: the ones people give by hand. */
static const char *const options[] = {"listen", "data", "web-dir", "port-file", "log-level"};

static bool is_setting(const char *arg)
{
	for (size_t o = 0; o < ARRAY_SIZE(options); o++) {
		size_t n = strlen(options[o]);

		if (strncmp(arg, "--", 2) == 0 && strncmp(arg + 2, options[o], n) == 0 &&
			(!arg[2 + n] || arg[2 + n] == '='))
			return true;
	}
	return false;
}

static int take_setting(struct settings *s, int argc, char **argv, int *i, struct fault *f)
{
	for (size_t o = 0; o < ARRAY_SIZE(options); o++) {
		const char *value;

		if (!take_option(argc, argv, i, options[o], &value, f))
			continue;
		if (!value)
			return -EINVAL;
		for (size_t k = 0; k < ARRAY_SIZE(table); k++)
			if (strcmp(table[k].key, options[o]) == 0)
				return set_text(s, &table[k], value, f);
	}
	return fault_set(
		f, EINVAL, "unknown argument '%s'; hildad --help lists the options", argv[*i]);
}

/* One word of the command line; *i moves behind its value. Behind a command's name its own options are words too. */
static int take_word(struct settings *s, struct settings_run *run, int argc, char **argv, int *i,
	struct fault *f)
{
	const char *value;

	if (take_option(argc, argv, i, "config", &value, f)) {
		run->config = value;
		return value ? 0 : -EINVAL;
	}
	if (strcmp(argv[*i], "--insecure") == 0) {
		s->insecure = true;
		return 0;
	}
	if (!run->n_words && take_flag(run, argv[*i]) == 0)
		return 0;
	if (argv[*i][0] != '-' || (run->n_words && !is_setting(argv[*i]))) {
		run->words[run->n_words++] = argv[*i];
		return 0;
	}
	return take_setting(s, argc, argv, i, f);
}

int settings_arguments(struct settings *s, struct settings_run *run, int argc, char **argv,
	fault_say say, struct fault *f)
{
	*run = (struct settings_run){0};
	if (argc > SETTINGS_WORDS_MAX)
		return fault_set(f, E2BIG, "more than %d words", SETTINGS_WORDS_MAX);
	for (int pass = 0; pass < 2; pass++) {
		int rc = 0;

		run->n_words = 0;
		for (int i = 1; i < argc && rc == 0; i++)
			rc = take_word(s, run, argc, argv, &i, f);
		if (rc != 0 || run->help || run->version || pass)
			return rc;
		const char *path = run->config ? run->config : SETTINGS_FILE;

		if (run->check) {
			run->problems = settings_check(s, path, run->config != NULL, say, NULL);
			continue;
		}
		rc = settings_load(s, path, run->config != NULL, f);
		if (rc != 0)
			return rc;
	}
	return 0;
}

bool settings_tls(const struct settings *s)
{
	return *s->tls_cert != 0;
}

bool settings_ask_tokens(const struct settings *s)
{
	struct listen_address a;

	if (strcmp(s->auth, "auto") != 0)
		return strcmp(s->auth, "tokens") == 0;
	return listen_parse(s->listen, &a, NULL) == 0 && !listen_is_loopback(&a);
}

void settings_print_help(void)
{
	printf("hildad - Hilda's server: REST, pages, scheduler, results\n\n"
	       "usage: hildad [--config FILE] [--data DIR] [--listen HOST:PORT] [--port-file FILE]\n"
	       "              [--web-dir DIR] [--log-level LEVEL] [--insecure] [--check-config]\n"
	       "              [--version]\n"
	       "       hildad COMMAND [WORDS] [--config FILE] [--data DIR]\n\n"
	       "--config FILE    settings (%s when it is there); the command line wins\n"
	       "--check-config   read the settings, say all that is wrong, and end: with 1 where something is\n\n"
	       "Settings of section [server]; times are like '500 ms', '30s', '5m':\n",
		SETTINGS_FILE);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct setting *e = &table[i];

		printf("  %-22s %s", e->key, e->help);
		if (e->kind == SETTING_TEXT)
			printf(" (default: %s)\n", e->text[0] ? e->text : "none");
		else if (e->kind == SETTING_FLAG)
			printf(" (default: no)\n");
		else if (e->kind == SETTING_COUNT)
			printf(" (default: %lld)\n", (long long)e->number);
		else if (e->number % SECOND)
			printf(" (default: %lld ms)\n", (long long)e->number);
		else
			printf(" (default: %llds)\n", (long long)(e->number / SECOND));
	}
}
