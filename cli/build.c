#include "cli/build.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/escape.h"
#include "common/cleanup.h"
#include "common/file.h"
#include "common/process.h"

#define PARALLEL_MAX 64
#define TAIL_BYTES 8192 /* of a failed command's output */

extern char **environ;

int build_split(const char *command, struct build_words *words, struct fault *f)
{
	char *to, quote = 0;
	bool open = false;

	*words = (struct build_words){.text = malloc(strlen(command) + 1)};
	if (!words->text)
		return fault_set(f, ENOMEM, "out of memory");
	to = words->text;
	for (const char *p = command; *p; p++) {
		if (!quote && *p == ' ') {
			if (open)
				*to++ = '\0';
			open = false;
			continue;
		}
		if (!open) {
			if (words->n == BUILD_WORDS_MAX)
				return fault_set(f, EINVAL, "`%.80s...` has more than %d words",
					command, BUILD_WORDS_MAX);
			words->argv[words->n++] = to;
			open = true;
		}
		if (quote && *p == quote)
			quote = 0;
		else if (!quote && (*p == '\'' || *p == '"'))
			quote = *p;
		else
			*to++ = *p;
	}
	*to = '\0';
	if (quote)
		return fault_set(f, EINVAL, "`%.200s` has an open %c", command, quote);
	return words->n ? 0 : fault_set(f, EINVAL, "a build command is empty");
}

void build_words_done(struct build_words *words)
{
	free(words->text);
}

struct job {
	const char *command;
	struct process process;
	int output; /* memory file */
	int64_t deadline_ns;
};

struct builds {
	struct session *s;
	const char *const *commands;
	size_t n, next, finished, total;
	struct job jobs[PARALLEL_MAX];
	size_t running;
	char **env;
};

static bool is_first(const struct builds *b, size_t index)
{
	if (!b->commands[index])
		return false;
	for (size_t i = 0; i < index; i++) {
		if (b->commands[i] && !strcmp(b->commands[i], b->commands[index]))
			return false;
	}
	return true;
}

/* A make that called us would hand its own variables and job server to the builds. */
static char **clean_environment(void)
{
	static const char *const drop[] = {"MAKEFLAGS=", "MFLAGS=", "MAKELEVEL=", "MAKEOVERRIDES="};
	size_t n = 0, kept = 0;
	char **env;

	while (environ[n])
		n++;
	env = calloc(n + 1, sizeof(*env));
	for (size_t i = 0; env && i < n; i++) {
		bool keep = true;

		for (size_t k = 0; k < ARRAY_SIZE(drop); k++)
			keep = keep && strncmp(environ[i], drop[k], strlen(drop[k]));
		if (keep)
			env[kept++] = environ[i];
	}
	return env;
}

static enum exit_code start(struct builds *b, const char *command, struct fault *f)
{
	_cleanup_(build_words_done) struct build_words words = {0};
	struct process_spec spec = PROCESS_SPEC_INIT;
	struct job *job = &b->jobs[b->running];

	if (build_split(command, &words, f))
		return EXIT_USAGE;
	*job = (struct job){.command = command, .process = {0, -1}};
	job->output = memfd_create("build", MFD_CLOEXEC);
	if (job->output < 0) {
		fault_errno(f, errno, "cannot keep the output of `%s`", command);
		return EXIT_LOCAL_FILE;
	}
	spec.argv = (const char *const *)words.argv;
	spec.env = (const char *const *)b->env;
	spec.stdout_fd = spec.stderr_fd = job->output;
	if (process_start(&spec, &job->process, f)) {
		file_close(&job->output);
		return EXIT_BUILD_FAILED;
	}
	job->deadline_ns = clock_deadline_ms(b->s->clock, BUILD_MAX_MS);
	b->running++;
	return EXIT_OK;
}

static void print_tail(int fd)
{
	char tail[TAIL_BYTES];
	struct stat st;
	off_t from;
	ssize_t n;

	if (fstat(fd, &st))
		return;
	from = st.st_size > TAIL_BYTES ? st.st_size - TAIL_BYTES : 0;
	n = pread(fd, tail, sizeof(tail), from);
	if (from)
		fputs("...\n", stderr);
	if (n > 0)
		escape_print(stderr, tail, (size_t)n, true);
}

/* Takes an ended build out of the list. */
static enum exit_code finish(struct builds *b, size_t index, struct fault *f)
{
	struct job job = b->jobs[index];
	struct process_end end = {0};
	enum exit_code code = EXIT_OK;

	process_wait(&job.process, b->s->clock, job.deadline_ns, &end);
	b->jobs[index] = b->jobs[--b->running];
	b->finished++;
	if (end.timed_out || end.code) {
		print_tail(job.output);
		code = EXIT_BUILD_FAILED;
		if (end.timed_out)
			fault_set(f, ETIMEDOUT, "`%s` took longer than %d minutes", job.command,
				BUILD_MAX_MS / 60000);
		else if (end.signal)
			fault_set(f, EIO, "`%s` was ended by signal %d", job.command, end.signal);
		else
			fault_set(f, EIO, "`%s` failed with code %d; its output is above",
				job.command, end.code);
	} else {
		fprintf(stderr, "built %zu/%zu: ", b->finished, b->total);
		escape_print(stderr, job.command, strlen(job.command), false);
		fputc('\n', stderr);
	}
	file_close(&job.output);
	return code;
}

/* Waits until one of the running builds ends. */
static enum exit_code wait_for_one(struct builds *b, struct fault *f)
{
	struct pollfd fds[PARALLEL_MAX + 1];
	int64_t deadline = CLOCK_NEVER;
	size_t n = b->running;

	for (size_t i = 0; i < n; i++) {
		fds[i] = (struct pollfd){.fd = b->jobs[i].process.pidfd, .events = POLLIN};
		if (b->jobs[i].deadline_ns < deadline)
			deadline = b->jobs[i].deadline_ns;
	}
	fds[n] = (struct pollfd){.fd = b->s->interrupt_fd, .events = POLLIN};
	clock_poll(b->s->clock, fds, n + (b->s->interrupt_fd >= 0), deadline);
	if (b->s->interrupt_fd >= 0 && fds[n].revents) {
		fault_set(f, EINTR, "interrupted while building");
		return EXIT_INTERRUPTED;
	}
	for (size_t i = n; i-- > 0;) {
		if (fds[i].revents || clock_expired(b->s->clock, b->jobs[i].deadline_ns)) {
			enum exit_code code = finish(b, i, f);

			if (code)
				return code;
		}
	}
	return EXIT_OK;
}

enum exit_code build_all(
	struct session *s, const char *const *commands, size_t n, size_t parallel, struct fault *f)
{
	struct builds b = {.s = s, .commands = commands, .n = n, .env = clean_environment()};
	enum exit_code code = EXIT_OK;

	if (parallel > PARALLEL_MAX)
		parallel = PARALLEL_MAX;
	for (size_t i = 0; i < n; i++)
		b.total += is_first(&b, i);
	while (!code && (b.next < n || b.running)) {
		if (b.next < n && b.running < parallel) {
			if (is_first(&b, b.next))
				code = start(&b, commands[b.next], f);
			b.next++;
		} else {
			code = wait_for_one(&b, f);
		}
	}
	for (size_t i = 0; i < b.running; i++) {
		process_kill(&b.jobs[i].process);
		file_close(&b.jobs[i].output);
	}
	free(b.env);
	return code;
}
