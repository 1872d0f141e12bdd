/*
 * Exec boards: the image is a program. It runs in the run's own folder, beside the job's files, on
 * this host with an environment that tells it nothing of the agent, as the board's user if one is
 * set; or behind ssh or adb, as agent/exec/remote.h says. The protocol runs on its standard input
 * and output; what it says on standard error counts as output, as it would on a UART.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/board/config.h"
#include "agent/exec/deliver.h"
#include "agent/exec/remote.h"
#include "agent/run/run_log.h"
#include "agent/steps/parts.h"
#include "common/cleanup.h"
#include "common/file.h"

/* A program behind a connection that its end outlives by more is given up. */
#define STOP_MS 5000
/* Behind the sum of the job's own times a program that nobody hears of any more ends itself. */
#define SPARE_S 60

static bool is_remote(const struct run *run)
{
	return run->board->exec_kind == EXEC_SSH || run->board->exec_kind == EXEC_ADB;
}

static int deliver(struct run *run)
{
	struct fault f = {0};
	int rc = deliver_remote(run, &f);

	if (rc == -ECANCELED || (rc == -ETIMEDOUT && clock_expired(run->clock, run->deadline_ns)))
		return rc; /* the runner says which */
	return rc ? run_fail(run, OUTCOME_INFRASTRUCTURE, "%s", f.text) : 0;
}

int program_install(struct run *run)
{
	char path[FILE_PATH_BYTES];

	if (is_remote(run))
		return deliver(run);
	if (file_path(path, sizeof(path), "%s/" PROGRAM_NAME, run->work_folder))
		return run_fail(run, OUTCOME_INFRASTRUCTURE, "the work folder's path is too long");
	/* A link, not a copy: a file that is being written cannot be started (ETXTBSY). */
	if (chmod(run->image_path, 0555) ||
		(link(run->image_path, path) && symlink(run->image_path, path)))
		return run_fail(run, OUTCOME_INFRASTRUCTURE,
			"the program cannot be put into the work folder: %s", strerror(errno));
	return 0;
}

static void log_console(void *arg, bool to_device, const void *data, size_t n)
{
	struct run *run = arg;

	run_log_write(run->log, to_device ? RUN_LOG_TO_DEVICE : RUN_LOG_CONSOLE, data, n);
}

struct user {
	uid_t uid;
	gid_t gid;
};

static int find_user(const char *name, struct user *user, struct fault *f)
{
	struct passwd room, *found = NULL;
	char text[4096];

	if (getpwnam_r(name, &room, text, sizeof(text), &found) || !found)
		return fault_set(f, ESRCH,
			"there is no user %s to run programs as: adduser --system %s, or change "
			"`exec-user =` of this board",
			name, name);
	user->uid = found->pw_uid;
	user->gid = found->pw_gid;
	return 0;
}

static int start_here(struct run *run, int in, int out, struct fault *f)
{
	char emulator[BOARD_PATH_BYTES + 8];
	char path[FILE_PATH_BYTES], home[FILE_PATH_BYTES + 8];
	const char *const env[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", home, NULL};
	const char *argv[16];
	char uid[24], gid[24];
	struct user user = {(uid_t)-1, (gid_t)-1};
	struct process_spec spec = PROCESS_SPEC_INIT;
	size_t n = 0;

	if (file_path(path, sizeof(path), "%s/" PROGRAM_NAME, run->work_folder))
		return fault_set(f, ENAMETOOLONG, "the work folder's path is too long");
	snprintf(home, sizeof(home), "HOME=%s", run->work_folder);
	if (run->board->exec_user[0]) {
		int r = find_user(run->board->exec_user, &user, f);

		if (r)
			return r;
		/*
		 * The folder is the program's; the agent is root here, or could not change users.
		 */
		if (chown(run->work_folder, user.uid, user.gid))
			return fault_errno(f, errno, "the work folder cannot be given to user %s",
				run->board->exec_user);
		snprintf(uid, sizeof(uid), "--reuid=%u", user.uid);
		snprintf(gid, sizeof(gid), "--regid=%u", user.gid);
		argv[n++] = "setpriv";
		argv[n++] = uid;
		argv[n++] = gid;
		argv[n++] = "--clear-groups";
		argv[n++] = "--no-new-privs";
		/* Changing the user clears the wish to die with the parent. */
		argv[n++] = "--pdeathsig=KILL";
		argv[n++] = "--";
	}
	if (run->board->exec_kind == EXEC_QEMU) {
		snprintf(emulator, sizeof(emulator), "qemu-%s", run->board->exec_at);
		argv[n++] = emulator;
	}
	argv[n++] = path;
	argv[n] = NULL;
	spec.argv = argv;
	spec.env = env;
	spec.cwd = run->work_folder;
	spec.stdin_fd = in;
	spec.stdout_fd = spec.stderr_fd = out;
	spec.keep_fds = &run->lock_fd;
	spec.n_keep_fds = run->lock_fd >= 0 ? 1 : 0;
	spec.leader = run->leader;
	return process_start(&spec, run->program, f);
}

/* The tool's own words come on a descriptor of their own: they are not the program's. */
static int start_there(struct run *run, int in, int out, struct fault *f)
{
	_cleanup_(remote_call_done) struct remote_call call = {0};
	int64_t all_ms = INT64_C(1000) * SPARE_S;
	char seconds[24];
	const char *args[] = {
		run->board->exec_folder, run->board->name, run->job->image, seconds, NULL};
	struct process_spec spec = PROCESS_SPEC_INIT;
	int words[2];
	int rc;

	for (enum stage stage = STAGE_BOOT; stage <= STAGE_SUSTAINED; stage++)
		all_ms += job_stage_ms(run->job, stage);
	snprintf(seconds, sizeof(seconds), "%lld", (long long)all_ms / 1000);
	rc = remote_shell(run->board, remote_program, args, &call, f);
	if (rc)
		return rc;
	if (pipe2(words, O_CLOEXEC | O_NONBLOCK))
		return fault_errno(f, errno, "no pipe for %s", remote_tool(run->board));
	spec.argv = call.argv;
	spec.stdin_fd = in;
	spec.stdout_fd = out;
	spec.stderr_fd = words[1];
	/* Not to adb: the server that it may start would keep the lock. */
	spec.keep_fds = &run->lock_fd;
	spec.n_keep_fds = run->lock_fd >= 0 && run->board->exec_kind == EXEC_SSH ? 1 : 0;
	rc = process_start(&spec, run->program, f);
	file_close(&words[1]);
	if (rc) {
		file_close(&words[0]);
		return rc;
	}
	run->program_words = words[0];
	return 0;
}

int program_start(struct run *run)
{
	struct console_options o = {.tap = log_console, .tap_arg = run};
	int in[2] = {-1, -1}, out[2] = {-1, -1};
	struct fault f = {0};
	int r;

	if (pipe2(in, O_CLOEXEC))
		return run_fail(run, OUTCOME_INFRASTRUCTURE, "no pipe for the program: %s",
			strerror(errno));
	if (pipe2(out, O_CLOEXEC)) {
		file_close(&in[0]);
		file_close(&in[1]);
		return run_fail(run, OUTCOME_INFRASTRUCTURE, "no pipe for the program: %s",
			strerror(errno));
	}
	r = is_remote(run) ? start_there(run, in[0], out[1], &f)
			   : start_here(run, in[0], out[1], &f);
	file_close(&in[0]);
	file_close(&out[1]);
	if (!r)
		r = console_open_fds("program", out[0], in[1], &o, &run->console, &f);
	if (r) {
		file_close(&out[0]);
		file_close(&in[1]);
		return run_fail(run,
			r == -ENOENT || r == -EACCES ? OUTCOME_CONFIGURATION
						     : OUTCOME_INFRASTRUCTURE,
			"%s", f.text);
	}
	return 0;
}

void program_stop(struct run *run)
{
	struct process_end end;

	console_close(take_ptr(run->console));
	/* The other side has ended everything when the tool ends: only then may the next one start. */
	if (is_remote(run) && run->program->pid > 0)
		process_wait(
			run->program, run->clock, clock_deadline_ms(run->clock, STOP_MS), &end);
	process_kill(run->program);
	if (is_remote(run))
		file_close(&run->program_words);
}

/* How it ended there, as the other shell tells it; that it tells nothing is no end of the program. */
static int ended_there(struct run *run, struct process_end *end)
{
	char words[REMOTE_WORDS_BYTES] = "", why[FAULT_TEXT_BYTES / 2];
	ssize_t n = read(run->program_words, words, sizeof(words) - 1);

	words[n > 0 ? n : 0] = 0;
	if (end->timed_out || remote_ended(words, end))
		return 0;
	remote_why(words, why, sizeof(why));
	return run_fail(run, OUTCOME_INFRASTRUCTURE, "%s %s: %s%s", remote_tool(run->board),
		run->board->exec_at, why[0] ? why : "it ended without telling how the program did",
		why[0] ? "" : "; is the board still there?");
}

int program_ended(struct run *run, int64_t deadline_ns, struct process_end *end)
{
	int rc;

	*end = (struct process_end){.code = -1};
	rc = process_wait(run->program, run->clock, deadline_ns, end);
	return !rc && is_remote(run) ? ended_there(run, end) : rc;
}

void program_describe_end(const struct process_end *end, char *text, size_t room)
{
	if (end->timed_out)
		snprintf(text, room, "its output closed, but still running");
	else if (end->signal)
		snprintf(text, room, "signal %d (%s)", end->signal, strsignal(end->signal));
	else if (end->code == 126)
		snprintf(text, room, "code 126: it cannot be executed here");
	else
		snprintf(text, room, "code %d", end->code);
}
