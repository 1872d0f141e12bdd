/*
 * The image of a torture's exec boards. It does what its file `plan` says (KEY VALUE SLEEP_MS LINES
 * FORK) and keeps evidence of its own in the agent's data folder, independent of the agent's word:
 * driven/BOARD.log when it drove the board, under a lock of its own, and sent/RUN all that it said.
 * As long as a file `hold` lies there it does not come to its end.
 */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define FD_MAX 64

static char data[PATH_MAX], board[256], run[64];
static int driven = -1, sent = -1;

/* The agent's lock comes along as a descriptor: DATA/locks/board-NAME.lock. */
static int find_board(void)
{
	for (int fd = 3; fd < FD_MAX; fd++) {
		char link[64], path[PATH_MAX], *name, *end;
		ssize_t n;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, path, sizeof(path) - 1);
		if (n <= 0)
			continue;
		path[n] = 0;
		name = strstr(path, "/locks/board-");
		end = strstr(path, ".lock");
		if (!name || !end)
			continue;
		*name = *end = 0;
		snprintf(data, sizeof(data), "%s", path);
		snprintf(board, sizeof(board), "%s", name + strlen("/locks/board-"));
		return 0;
	}
	return -1;
}

static int open_below(const char *folder, const char *name, const char *ending, int flags)
{
	char path[PATH_MAX + 512];

	snprintf(path, sizeof(path), "%s/%s/%s%s", data, folder, name, ending);
	return open(path, flags | O_CREAT | O_CLOEXEC, 0644);
}

static int note(const char *what)
{
	struct timespec now;
	char line[256];
	int n;

	clock_gettime(CLOCK_MONOTONIC, &now);
	n = snprintf(line, sizeof(line), "%s %s %d %lld\n", what, run, (int)getpid(),
		(long long)now.tv_sec * 1000000000 + now.tv_nsec);
	return write(driven, line, (size_t)n) == n ? 0 : -1;
}

/* Kept first, then said: what the agent reads is a prefix of what is kept. */
static void say(const char *text)
{
	size_t n = strlen(text);

	if (write(sent, text, n) != (ssize_t)n || write(STDOUT_FILENO, text, n) != (ssize_t)n)
		exit(3);
}

static int take_board(void)
{
	char cwd[PATH_MAX];
	int lock;

	if (find_board() || !getcwd(cwd, sizeof(cwd)))
		return -1;
	snprintf(run, sizeof(run), "%s", basename(cwd));
	driven = open_below("driven", board, ".log", O_WRONLY | O_APPEND);
	lock = open_below("driven", board, ".lock", O_RDWR);
	if (driven < 0 || lock < 0)
		return -1;
	if (flock(lock, LOCK_EX | LOCK_NB))
		note("overlap");
	sent = open_below("sent", run, "", O_WRONLY | O_EXCL);
	if (sent < 0) {
		note("again");
		return -1;
	}
	return note("start");
}

static void pause_ms(int ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

	nanosleep(&t, NULL);
}

static int is_held(void)
{
	char path[PATH_MAX + 512];

	snprintf(path, sizeof(path), "%s/hold", data);
	return access(path, F_OK) == 0;
}

int main(void)
{
	int value, sleep_ms, lines, forks, got = 0;
	char key[128], text[256];
	FILE *plan = fopen("plan", "r");

	if (plan)
		got = fscanf(plan, "%127s %d %d %d %d", key, &value, &sleep_ms, &lines, &forks);
	if (got != 5 || take_board()) {
		fprintf(stderr, "no plan, or no board\n");
		return 2;
	}
	/* One that outlives its parent and holds the lock: the agent has to end it, too. */
	if (forks && fork() == 0) {
		pause_ms(3000);
		_exit(0);
	}
	snprintf(text, sizeof(text), "key %s\n", key);
	say(text);
	for (int i = 0; i < lines; i++) {
		snprintf(text, sizeof(text), "line %d of %s\n", i, key);
		say(text);
		pause_ms(sleep_ms / lines);
	}
	/* A test holds the board by this file, as long as it likes. */
	while (is_held())
		pause_ms(5);
	snprintf(text, sizeof(text), "latency: %d us\ndone\n", value);
	say(text);
	note("end");
	return 0;
}
