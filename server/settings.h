/*
 * hildad's settings: one table with section, key, default and help for the file, --help and
 * --check-config. Read once at start by the main thread; strings belong to the settings.
 */
#ifndef HILDA_SERVER_SETTINGS_H
#define HILDA_SERVER_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/fault.h"
#include "common/log.h"

#define SETTINGS_FILE "/etc/hilda/hildad.ini"
#define SETTINGS_TEXT_BYTES 1024
#define SETTINGS_WORDS_MAX 256

struct settings {
	char listen[SETTINGS_TEXT_BYTES];
	char data[SETTINGS_TEXT_BYTES];
	char web_dir[SETTINGS_TEXT_BYTES];   /* "": the pages in the program */
	char port_file[SETTINGS_TEXT_BYTES]; /* "": none */
	char log_level[SETTINGS_TEXT_BYTES];
	char tls_cert[SETTINGS_TEXT_BYTES], tls_key[SETTINGS_TEXT_BYTES]; /* "": plain HTTP */
	bool upgrade_without_backup;
	bool insecure; /* listens on more than loopback */
	char auth[SETTINGS_TEXT_BYTES];
	int64_t health_every_ms;
	int64_t lease_ms, grace_ms, heartbeat_ms, offer_ms, acquire_ms;
	struct {
		uint64_t threads;
		int64_t head_ms, body_ms, idle_ms;
	} http;
	uint64_t artifact_max_bytes;
	uint64_t rate,
		rate_burst;	/* requests of each token, in a second and at once; 0: no limit */
	uint64_t queue_max;	/* queued jobs of each token; 0: no limit */
	int64_t reserve_max_ms; /* of tokens without scope admin */
	int64_t tunnel_idle_ms;
	int64_t ping_ms;	     /* of event streams */
	int64_t capture_age_ms;	     /* 0: captures are kept */
	uint64_t captures_max_bytes; /* 0: no limit */
	int64_t retention_every_ms;
	uint64_t suite_runs_keep; /* of suites without a rule of their own; 0: all */
	int64_t suite_runs_age_ms, job_age_ms, artifact_age_ms; /* 0: kept for good */
	uint64_t history;					/* events kept for Last-Event-ID */
};

struct settings_run {
	bool help, version, check;
	const char *config;		 /* NULL: SETTINGS_FILE when it exists */
	char *words[SETTINGS_WORDS_MAX]; /* a command and what is its own; none: it serves */
	int n_words;
	unsigned problems; /* of the file, where it was only to be checked */
};

void settings_defaults(struct settings *s);
/* A file that does not exist is an error only when must_exist. */
int settings_load(struct settings *s, const char *path, bool must_exist, struct fault *f);
/* What is wrong with a file, all of it, said one by one. How many. */
unsigned settings_check(
	struct settings *s, const char *path, bool must_exist, fault_say say, void *arg);
/* The command line, which wins over the file it names. */
int settings_arguments(struct settings *s, struct settings_run *run, int argc, char **argv,
	fault_say say, struct fault *f);
bool settings_tls(const struct settings *s);
/* Must callers bring a token? By `auth`; "auto": wherever more than this host can reach the server. */
bool settings_ask_tokens(const struct settings *s);
/* --help: every setting with its default. */
void settings_print_help(void);

#endif
