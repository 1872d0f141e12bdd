/* hilda-agent: the arguments, and which command they ask for. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/commands/check.h"
#include "agent/commands/discover.h"
#include "agent/commands/enroll.h"
#include "agent/commands/hold.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/numbers.h"
#include "common/process.h"

#define EXIT_USAGE 2
#define TUNABLES "GLIBC_TUNABLES"
#define WITHOUT_CACHES "glibc.malloc.tcache_count=0"

static void usage(FILE *out)
{
	fprintf(out,
		"hilda-agent: drives the boards that are plugged into this machine for a Hilda "
		"server.\n"
		"\n"
		"usage: hilda-agent [run] [--config FILE] [--log-level LEVEL]\n"
		"       hilda-agent check BOARD [--config FILE]\n"
		"       hilda-agent hold BOARD [--wait 10m] [--config FILE] -- COMMAND...\n"
		"       hilda-agent discover\n"
		"       hilda-agent enroll URL [--fingerprint sha256:...] [--token-file FILE]\n"
		"\n"
		"  run        the default: until SIGTERM; SIGHUP reads the boards anew\n"
		"  check      probe, console and power of one board, one line each\n"
		"  hold       takes the board from the agents of this host and runs the command with it:\n"
		"             HILDA_PROBE (serial), HILDA_CONSOLE, HILDA_OPENOCD (-f FILE...) say where it\n"
		"             is, as in: hold b1 -- sh -c 'openocd $HILDA_OPENOCD'; ends as the command does\n"
		"  discover   what is plugged in, as sections to paste into the configuration\n"
		"  enroll     comes into the server at URL with a token of `hildad token enroll`, which it\n"
		"             asks for; writes token, certificate and [agent] beside the configuration\n"
		"\n"
		"  --config FILE      " SETTINGS_PATH " when absent\n"
		"  --fingerprint F    of the certificate that the server must show; else a person is asked\n"
		"  --token-file FILE  the enrolment token; standard input when absent\n"
		"  --wait TIME        hold: for a job that runs on the board; 10m when absent\n"
		"  --log-level LEVEL  error, warning, info or debug; info when absent\n"
		"  --check-config     read the configuration, say what is wrong, touch nothing, and end\n"
		"  --version, --help\n"
		"\n"
		"Exit codes: 0 all is well, 1 something failed (stderr says what), 2 wrong usage.\n"
		"\n%s",
		settings_help);
}

static int wrong(const char *what, const char *which)
{
	fprintf(stderr, "hilda-agent: %s%s; see hilda-agent --help\n", what, which);
	return EXIT_USAGE;
}

static void say_problem(void *arg, const struct fault *f)
{
	fprintf(stderr, "hilda-agent: %s\n", f->text);
}

static int check_config(const char *config)
{
	unsigned problems = settings_check(config, say_problem, NULL);

	if (!problems)
		printf("%s is fine\n", config);
	return problems ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int dispatch(int argc, char **argv, struct enroll_options *o, int64_t wait_ms)
{
	const char *command = argc ? argv[0] : "run", *config = o->config;

	if (strcmp(command, "enroll") == 0) {
		o->url = argc == 2 ? argv[1] : NULL;
		return o->url ? command_enroll(o) : wrong("enroll takes the server's address", "");
	}
	if (o->fingerprint || o->token_file)
		return wrong("--fingerprint and --token-file are for enroll", "");
	if (strcmp(command, "run") == 0)
		return argc > 1 ? wrong("run takes no argument: ", argv[1]) : agent_run(config);
	if (strcmp(command, "discover") == 0)
		return argc > 1 ? wrong("discover takes no argument: ", argv[1])
				: command_discover("/", stdout);
	if (strcmp(command, "check") == 0)
		return argc != 2 ? wrong("check takes the name of one board", "")
				 : command_check(config, argv[1], "/", stdout);
	if (strcmp(command, "hold") == 0)
		return argc < 3 ? wrong("hold takes a board and, behind --, a command", "")
				: command_hold(config, argv[1], wait_ms,
					  (const char *const *)(const void *)(argv + 2));
	return wrong("no such command: ", command);
}

/*
 * glibc's caches for each thread hold single blocks all over the heap, which then cannot be given
 * back: with 32 boards 3 MB. They can be turned off before the start only.
 */
static void restart_without_thread_caches(char **argv)
{
	const char *set = getenv(TUNABLES);

	if (!set)
		process_restart(TUNABLES, WITHOUT_CACHES, argv);
	else if (strcmp(set, WITHOUT_CACHES) == 0)
		unsetenv(TUNABLES); /* done; it is not for children */
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"fingerprint", required_argument, NULL, 'f'},
		{"token-file", required_argument, NULL, 't'},
		{"wait", required_argument, NULL, 'w'},
		{"log-level", required_argument, NULL, 'l'},
		{"check-config", no_argument, NULL, 'k'},
		{"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct enroll_options o = {.config = SETTINGS_PATH};
	int64_t wait_ms = HOLD_WAIT_MS;
	bool only_check = false;
	enum log_level level;
	struct fault f;
	int option;

	restart_without_thread_caches(argv);
	if (failpoint_arm(&f)) {
		fprintf(stderr, "hilda-agent: %s\n", f.text);
		return EXIT_USAGE;
	}
	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			o.config = optarg;
			break;
		case 'f':
			o.fingerprint = optarg;
			break;
		case 't':
			o.token_file = optarg;
			break;
		case 'w':
			if (number_duration_ms(optarg, HOLD_WAIT_MAX_MS, &wait_ms))
				return wrong("--wait takes a time like 30s or 5m, not ", optarg);
			break;
		case 'l':
			if (log_level_parse(optarg, &level))
				return wrong("no such log level: ", optarg);
			log_set_level(level);
			break;
		case 'k':
			only_check = true;
			break;
		case 'v':
			printf("hilda-agent " HILDA_VERSION "\n");
			return EXIT_SUCCESS;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			return EXIT_USAGE;
		}
	}
	if (only_check)
		return check_config(o.config);
	return dispatch(argc - optind, argv + optind, &o, wait_ms);
}
