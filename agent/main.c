/* hilda-agent: the arguments, and which command they ask for. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/commands/check.h"
#include "agent/commands/discover.h"
#include "common/failpoint.h"
#include "common/log.h"
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
		"       hilda-agent discover\n"
		"\n"
		"  run        the default: until SIGTERM; SIGHUP reads the boards anew\n"
		"  check      probe, console and power of one board, one line each\n"
		"  discover   what is plugged in, as sections to paste into the configuration\n"
		"\n"
		"  --config FILE      " SETTINGS_PATH " when absent\n"
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

static int dispatch(int argc, char **argv, const char *config)
{
	const char *command = argc ? argv[0] : "run";

	if (strcmp(command, "run") == 0)
		return argc > 1 ? wrong("run takes no argument: ", argv[1]) : agent_run(config);
	if (strcmp(command, "discover") == 0)
		return argc > 1 ? wrong("discover takes no argument: ", argv[1])
				: command_discover("/", stdout);
	if (strcmp(command, "check") == 0)
		return argc != 2 ? wrong("check takes the name of one board", "")
				 : command_check(config, argv[1], "/", stdout);
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
		{"log-level", required_argument, NULL, 'l'},
		{"check-config", no_argument, NULL, 'k'},
		{"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	const char *config = SETTINGS_PATH;
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
			config = optarg;
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
		return check_config(config);
	return dispatch(argc - optind, argv + optind, config);
}
