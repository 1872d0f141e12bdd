#include "agent/board/vboard.h"

#include <errno.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/cleanup.h"
#include "common/process.h"

#define WORDS_MAX_BYTES FAULT_TEXT_BYTES
#define ANSWER_MS 10000

void vboard_find(const char *libexec, char path[FILE_PATH_BYTES])
{
	if (process_find_beside(VBOARD_PROGRAM, path, FILE_PATH_BYTES))
		file_path(path, FILE_PATH_BYTES, "%s/" VBOARD_PROGRAM, libexec);
}

static void hear(void *arg, int stream, const void *data, size_t n)
{
	if (stream == STDERR_FILENO)
		buffer_add(arg, data, n);
}

int vboard_check_machine(const char *libexec, const char *machine, struct fault *f)
{
	_cleanup_(buffer_done) struct buffer words = BUFFER_INIT(WORDS_MAX_BYTES);
	char program[FILE_PATH_BYTES];
	/* It looks at the machine's name first. */
	const char *const argv[] = {program, "--machine", machine, "--version", NULL};
	struct process_spec spec = PROCESS_SPEC_INIT;
	struct process_end end;
	int rc;

	vboard_find(libexec, program);
	spec.argv = argv;
	rc = process_run(&spec, &clock_system, clock_deadline_ms(&clock_system, ANSWER_MS), -1,
		hear, &words, &end, f);
	if (rc)
		return rc;
	if (end.code == 0)
		return 0;
	while (words.n && words.data[words.n - 1] == '\n')
		words.data[--words.n] = '\0';
	return fault_set(f, EINVAL, "%s", words.n ? words.data : VBOARD_PROGRAM " does not answer");
}
