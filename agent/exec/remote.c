#include "agent/exec/remote.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/numbers.h"

#define END_WORD "hilda-end "
/* A shell gives a signal's end as this and the signal. */
#define SIGNAL_CODE 128

/*
 * Each is one line without a backslash: csh takes no line feed in quotes, fish takes a backslash
 * for itself.
 */
const char remote_prepare[] =
	"f=$1; n=$2; shift 2; umask 077; mkdir -p \"$f/files\" && cd \"$f\" && rm -rf \"run-$n\" && "
	"mkdir \"run-$n\" || exit 1; rm -f \"files/part-$n-\"*; ls -t files | sed 1," REMOTE_FILES_KEPT
	"d | while read -r x; do rm -f \"files/$x\"; done; for h; do case \"$(sha256sum 2>/dev/null "
	"<\"files/$h\")\" in \"$h\"*) touch \"files/$h\";; *) echo \"need $h\";; esac; done; "
	"echo hilda-prepared";

const char remote_put[] = "umask 077; cat >\"$1/files/part-$2-$3\"";

const char remote_place[] =
	"cd \"$1\" || exit 1; n=$2; i=$3; shift 3; umask 077; "
	"take() { p=\"files/part-$n-$1\"; [ -e \"$p\" ] || return 0; case \"$(sha256sum <\"$p\")\" in "
	"\"$1\"*) chmod 500 \"$p\" && mv -f \"$p\" \"files/$1\";; *) echo \"$1 did not arrive whole\" "
	">&2; return 1;; esac; }; "
	"take \"$i\" || exit 1; while [ $# -gt 1 ]; do take \"$1\" && cp \"files/$1\" \"run-$n/$2\" && "
	"chmod 600 \"run-$n/$2\" || exit 1; shift 2; done; echo hilda-placed";

/*
 * sshd and adbd start a command as leader of a group; where that is not so, setsid makes one. $0 is
 * this text itself. cat ends when the connection does, whatever the program reads.
 */
const char remote_program[] =
	"read -r a b c d g e </proc/$$/stat; [ \"$g\" = $$ ] || exec setsid sh -c \"$0\" \"$0\" \"$@\"; "
	"cd \"$1/run-$2\" || exit 1; { sleep \"$4\"; kill -9 -$$; } </dev/null >/dev/null 2>&1 & "
	"{ cat; kill -9 -$$; } | { \"../files/$3\" 2>&1; echo \"" END_WORD
	"$?\" >&2; kill -9 -$$; }";

const char *remote_tool(const struct board_config *board)
{
	return board->exec_kind == EXEC_ADB ? "adb" : "ssh";
}

/* In single quotes; one inside ends them, stands escaped, and begins them again. */
static int quote(struct buffer *to, const char *word)
{
	int rc = buffer_add_text(to, " '");

	while (!rc && *word) {
		size_t n = strcspn(word, "'");

		rc = buffer_add(to, word, n);
		word += n;
		if (!rc && *word++)
			rc = buffer_add_text(to, "'\\''");
		else
			break;
	}
	return rc ? rc : buffer_add_text(to, "'");
}

static int write_command(struct buffer *to, const char *script, const char *const *args)
{
	int rc = buffer_add_text(to, "exec sh -c");

	if (!rc)
		rc = quote(to, script);
	/* $0: the program's script starts itself again by it. */
	if (!rc)
		rc = quote(to, script == remote_program ? script : "hilda");
	for (; *args && !rc; args++)
		rc = quote(to, *args);
	return rc;
}

static size_t tool_argv(const struct board_config *board, const char **argv)
{
	static const char *const options[] = {"BatchMode=yes", "ConnectTimeout=10",
		"ServerAliveInterval=5", "ServerAliveCountMax=3", "ControlMaster=no",
		"ControlPath=none", "ClearAllForwardings=yes", "PermitLocalCommand=no"};
	size_t n = 0;

	argv[n++] = remote_tool(board);
	if (board->exec_kind == EXEC_ADB) {
		argv[n++] = "-s";
		argv[n++] = board->exec_at;
		return n;
	}
	argv[n++] = "-T";
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		argv[n++] = "-o";
		argv[n++] = options[i];
	}
	if (board->ssh_config[0]) {
		argv[n++] = "-F";
		argv[n++] = board->ssh_config;
	}
	argv[n++] = "--";
	argv[n++] = board->exec_at;
	return n;
}

int remote_shell(const struct board_config *board, const char *script, const char *const *args,
	struct remote_call *out, struct fault *f)
{
	struct remote_call call = {.command = BUFFER_INIT(REMOTE_COMMAND_BYTES)};
	size_t n = tool_argv(board, call.argv);
	int rc = write_command(&call.command, script, args);

	if (rc) {
		remote_call_done(&call);
		return fault_errno(f, -rc, "the command for %s", board->exec_at);
	}
	if (board->exec_kind == EXEC_ADB) {
		call.argv[n++] = "shell";
		call.argv[n++] = "-T";
	}
	call.argv[n++] = call.command.data;
	call.argv[n] = NULL;
	*out = call;
	return 0;
}

void remote_call_done(struct remote_call *call)
{
	buffer_done(&call->command);
}

void remote_push(
	const struct board_config *board, const char *from, const char *to, struct remote_call *out)
{
	size_t n;

	out->command = BUFFER_INIT(0);
	n = tool_argv(board, out->argv);
	out->argv[n++] = "push";
	out->argv[n++] = from;
	out->argv[n++] = to;
	out->argv[n] = NULL;
}

/* Our own mark is no reason. adb gives one in the first line of several; ssh's is the last. */
void remote_why(const char *words, char *out, size_t room)
{
	size_t n = 0;

	out[0] = 0;
	for (const char *line = words; *line; line += n + (line[n] != 0)) {
		bool first;

		n = strcspn(line, "\r\n");
		if (!n || !strncmp(line, END_WORD, strlen(END_WORD)))
			continue;
		snprintf(out, room, "%.*s", (int)n, line);
		first = !strncmp(line, "error:", 6) || !strncmp(line, "adb:", 4);
		if (first)
			break;
	}
	for (char *p = out; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	}
}

bool remote_ended(const char *words, struct process_end *end)
{
	const char *at = NULL;
	char number[8] = "";
	uint64_t code;

	for (const char *p = words; (p = strstr(p, END_WORD)); p++) {
		if (p == words || p[-1] == '\n')
			at = p + strlen(END_WORD);
	}
	if (!at)
		return false;
	snprintf(number, sizeof(number), "%.*s", (int)strspn(at, "0123456789"), at);
	if (number_u64(number, 0, 255, &code))
		return false;
	*end = (struct process_end){.code = (int)code};
	if (code > SIGNAL_CODE && code < SIGNAL_CODE + NSIG)
		*end = (struct process_end){.code = -1, .signal = (int)code - SIGNAL_CODE};
	return true;
}

/* What is over the room is dropped: the beginning says why. */
static void keep(char *to, size_t room, size_t *n, const void *data, size_t bytes)
{
	size_t take = room - 1 - *n < bytes ? room - 1 - *n : bytes;

	memcpy(to + *n, data, take);
	*n += take;
	to[*n] = 0;
}

static void take_output(void *arg, int stream, const void *data, size_t n)
{
	struct remote_run *r = arg;

	if (stream == 1)
		keep(r->output, sizeof(r->output), &r->n_output, data, n);
	else
		keep(r->words, sizeof(r->words), &r->n_words, data, n);
}

int remote_run(struct remote_run *r, const struct remote_call *call, struct fault *f)
{
	struct process_spec spec = PROCESS_SPEC_INIT;
	struct process_end end;
	char why[FAULT_TEXT_BYTES / 2];
	int rc;

	r->n_output = r->n_words = 0;
	r->output[0] = r->words[0] = 0;
	spec.argv = call->argv;
	spec.stdin_fd = r->stdin_fd;
	rc = process_run(&spec, r->clock, r->deadline_ns, r->cancel_fd, take_output, r, &end, f);
	if (rc)
		return rc;
	if (end.timed_out)
		return fault_set(f, ETIMEDOUT, "%s %s: no end in time", remote_tool(r->board),
			r->board->exec_at);
	if (end.code == 0)
		return 0;
	remote_why(r->words, why, sizeof(why));
	return fault_set(f, EREMOTEIO, "%s %s: %s%s", remote_tool(r->board), r->board->exec_at,
		why[0] ? why : "it failed without a word",
		strstr(why, "unauthorized") ? ": allow this host on the device's screen" : "");
}
