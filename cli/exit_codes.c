#include "cli/exit_codes.h"

#include <stdbool.h>
#include <string.h>

static const struct exit_code_info table[] = {
	{EXIT_OK, "ok", "Done; with --watch and suite run: every job passed."},
	{EXIT_JOB_FAILED, "job-failed", "A job failed or timed out: the firmware or a criterion."},
	{EXIT_USAGE, "usage", "An option, a document or a suite has a mistake; nothing was sent."},
	{EXIT_UNREACHABLE, "unreachable", "The server does not answer at --server."},
	{EXIT_REFUSED, "refused", "The server refused the request (HTTP 4xx)."},
	{EXIT_LAB_FAULT, "lab-fault",
		"A job was lost or ended as infrastructure: probe, board, agent."},
	{EXIT_CONFIGURATION, "configuration", "A job asks for what cannot be on this board."},
	{EXIT_CANCELED, "canceled", "A job was canceled."},
	{EXIT_SERVER_FAULT, "server-fault", "The server failed (HTTP 5xx) or answered nonsense."},
	{EXIT_BUILD_FAILED, "build-failed", "The build command of a suite failed."},
	{EXIT_LOCAL_FILE, "local-file", "A file on this machine cannot be read or written."},
	{EXIT_INTERRUPTED, "interrupted", "Ctrl-C; submitted jobs go on."},
};

const struct exit_code_info *exit_code_at(size_t index)
{
	return index < sizeof(table) / sizeof(table[0]) ? &table[index] : NULL;
}

static bool is(const char *a, const char *b)
{
	return a && !strcmp(a, b);
}

enum exit_code exit_code_of_job(const char *state, const char *outcome)
{
	if (is(state, "succeeded"))
		return EXIT_OK;
	if (is(state, "canceled") || is(outcome, "canceled"))
		return EXIT_CANCELED;
	if (is(state, "lost") || is(outcome, "infrastructure"))
		return EXIT_LAB_FAULT;
	return is(outcome, "configuration") ? EXIT_CONFIGURATION : EXIT_JOB_FAILED;
}

static int weight(enum exit_code code)
{
	static const enum exit_code rising[] = {
		EXIT_OK, EXIT_CANCELED, EXIT_LAB_FAULT, EXIT_CONFIGURATION, EXIT_JOB_FAILED};

	for (int i = 0; i < (int)(sizeof(rising) / sizeof(rising[0])); i++) {
		if (rising[i] == code)
			return i;
	}
	return (int)(sizeof(rising) / sizeof(rising[0]));
}

enum exit_code exit_code_worse(enum exit_code a, enum exit_code b)
{
	return weight(b) > weight(a) ? b : a;
}
