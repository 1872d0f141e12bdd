#include "agent/commands/hold.h"

#include <errno.h>
#include <unistd.h>

#include "agent/board/hold.h"
#include "agent/board/lock.h"
#include "agent/board/ready.h"
#include "agent/commands/boards.h"
#include "common/buffer.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/process.h"
#include "instruments/usb_tree.h"

#define POLL_MS 50
#define WORDS_MAX_BYTES 4096

struct hold {
	const struct agent_settings *settings;
	struct board_config board;
	struct board_lock lock;
	int hold_fd;
	char told[FAULT_TEXT_BYTES]; /* the last line about who is waited for */
};

/* What a virtual board has told about itself: its agent must run. */
static int complete(struct hold *h, struct fault *f)
{
	char path[FILE_PATH_BYTES];
	int rc;

	if (!h->board.machine[0])
		return 0;
	rc = file_path(
		path, sizeof(path), "%s/virtual/%s/ready.json", h->settings->data, h->board.name);
	if (!rc)
		rc = ready_read(path, &h->board, f);
	return rc == -ENOENT
		? fault_set(f, ENOENT, "the virtual board %s does not run: start its agent first",
			  h->board.name)
		: rc;
}

static int try_once(struct hold *h, const char *words, struct fault *f)
{
	const char *run = h->settings->run, *data = h->settings->data;
	int rc = 0;

	if (h->hold_fd < 0)
		rc = board_hold_take(run, data, &h->board, words, &h->hold_fd, f);
	return rc ? rc : board_lock_take_held(run, data, &h->board, &h->lock, f);
}

static void tell(struct hold *h, const struct fault *f)
{
	if (strcmp(h->told, f->text) == 0)
		return;
	memcpy(h->told, f->text, sizeof(h->told));
	fprintf(stderr, "hilda-agent: waiting: %s\n", f->text);
}

static int take(struct hold *h, const char *words, int64_t wait_ms, struct fault *f)
{
	int64_t deadline_ns = clock_deadline_ms(&clock_system, wait_ms);

	for (;;) {
		int rc = try_once(h, words, f);

		if (rc != -EWOULDBLOCK)
			return rc;
		if (clock_expired(&clock_system, deadline_ns))
			return fault_wrap(f, "not free within %lld s", (long long)wait_ms / 1000);
		tell(h, f);
		clock_poll(&clock_system, NULL, 0, clock_deadline_ms(&clock_system, POLL_MS));
	}
}

static int join(struct buffer *b, const char *option, const char *word)
{
	return buffer_printf(b, "%s%s%s", b->n ? " " : "", option, word);
}

static void find_console(const struct board_config *b, char *path, size_t room)
{
	char name[BOARD_PATH_BYTES];
	char *colon;

	snprintf(path, room, "%s", b->console);
	if (strncmp(b->console, "usb:", 4) != 0)
		return;
	snprintf(name, sizeof(name), "%s", b->console + 4);
	colon = strrchr(name, ':');
	if (!colon)
		return;
	*colon = 0;
	usb_find_port("/", name,
		colon[1] >= '0' && colon[1] <= '9' ? (unsigned)(colon[1] - '0') : 0, path, room,
		NULL);
}

static int set_environment(const struct board_config *b, struct fault *f)
{
	_cleanup_(buffer_done) struct buffer files = BUFFER_INIT(WORDS_MAX_BYTES);
	char console[BOARD_PATH_BYTES];
	int rc = buffer_add(&files, "", 0);

	for (size_t i = 0; i < b->n_openocd && !rc; i++)
		rc = join(&files, "-f ", b->openocd[i]);
	find_console(b, console, sizeof(console));
	if (rc || setenv("HILDA_BOARD", b->name, 1) || setenv("HILDA_PROBE", b->probe_serial, 1) ||
		setenv("HILDA_CONSOLE", console, 1) || setenv("HILDA_OPENOCD", files.data, 1))
		return fault_errno(f, rc ? -rc : errno, "the command's environment");
	return 0;
}

static int perform(struct hold *h, int64_t wait_ms, const char *const *argv, struct fault *f)
{
	_cleanup_(buffer_done) struct buffer words = BUFFER_INIT(WORDS_MAX_BYTES);
	int keep[BOARD_LOCKS_MAX + 1], rc = 0;
	size_t n = 0;

	for (const char *const *a = argv; *a; a++) {
		/* What is over the limit is cut: it is for people. */
		if (join(&words, "", *a))
			break;
	}
	rc = complete(h, f);
	if (!rc)
		rc = file_make_folders(h->settings->run, 0755, f);
	if (!rc)
		rc = take(h, words.data ? words.data : argv[0], wait_ms, f);
	if (!rc)
		rc = set_environment(&h->board, f);
	if (rc)
		return rc;
	keep[n++] = h->hold_fd;
	for (int i = 0; i < h->lock.n; i++)
		keep[n++] = h->lock.fds[i];
	return process_become(argv, keep, n, f);
}

int command_hold(const char *config, const char *board, int64_t wait_ms, const char *const *argv)
{
	struct hold h = {.hold_fd = -1};
	struct agent_settings *settings = NULL;
	struct fault f = {0};
	int rc = boards_find(config, board, &settings, &h.board);

	if (rc)
		return EXIT_FAILURE;
	h.settings = settings;
	rc = perform(&h, wait_ms, argv, &f);
	fprintf(stderr, "hilda-agent: %s\n", f.text);
	file_close(&h.hold_fd);
	board_lock_drop(&h.lock);
	settings_free(settings);
	return EXIT_FAILURE;
}
