#include "agent/commands/enroll.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "agent/settings.h"
#include "common/cleanup.h"
#include "common/file.h"
#include "common/fingerprint.h"
#include "common/http_client.h"
#include "common/http_peer.h"
#include "common/ini.h"
#include "common/ini_edit.h"

#define WAIT_MS 20000
#define WORD_MAX_BYTES 256
#define NAME_BYTES 80
#define SERVICE_USER "hilda-agent"
#define DATA_DEFAULT "/var/lib/hilda-agent"

struct enroll {
	const struct enroll_options *o;
	char ca[FILE_PATH_BYTES], new_ca[FILE_PATH_BYTES];
	char token[FILE_PATH_BYTES], new_token[FILE_PATH_BYTES];
	char *pem;		   /* NULL: plain HTTP on this machine */
	char word[WORD_MAX_BYTES]; /* the enrolment token */
	char name[NAME_BYTES];	   /* what the server calls this agent */
	char own_token[WORD_MAX_BYTES];
	uid_t uid; /* who the token is for; -1: who runs this */
	gid_t gid;
};

/* Whole paths: the service has another working directory. */
static int find_places(struct enroll *e, struct fault *f)
{
	const char *slash = strrchr(e->o->config, '/');
	int n = slash ? (int)(slash - e->o->config) : 1;
	char near[FILE_PATH_BYTES], folder[PATH_MAX];
	int rc = file_path(near, sizeof(near), "%.*s", n ? n : 1, slash ? e->o->config : ".");

	if (!rc && !realpath(near, folder))
		rc = -errno;
	if (!rc)
		rc = file_path(e->ca, sizeof(e->ca), "%s/agent.ca", folder);
	if (!rc)
		rc = file_path(e->new_ca, sizeof(e->new_ca), "%s.new", e->ca);
	if (!rc)
		rc = file_path(e->token, sizeof(e->token), "%s/agent.token", folder);
	if (!rc)
		rc = file_path(e->new_token, sizeof(e->new_token), "%s.new", e->token);
	return rc ? fault_errno(f, -rc, "%s", e->o->config) : 0;
}

/*
 * Run by root for a service that is not root: the data folder says whose; before there is one, the
 * name of the service's user does.
 */
static void find_owner(struct enroll *e)
{
	struct agent_settings *settings = NULL;
	const struct passwd *user;
	struct stat st;
	bool there = settings_load(e->o->config, &settings, NULL) == 0;

	e->uid = (uid_t)-1;
	e->gid = (gid_t)-1;
	if (geteuid() == 0 && stat(there ? settings->data : DATA_DEFAULT, &st) == 0) {
		e->uid = st.st_uid;
		e->gid = st.st_gid;
	} else if (geteuid() == 0 && (user = getpwnam(SERVICE_USER))) {
		e->uid = user->pw_uid;
		e->gid = user->pw_gid;
	}
	settings_free(settings);
}

static bool is_this_machine(const char *url)
{
	static const char *const ours[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		size_t n = strlen(ours[i]);

		if (strncmp(url, ours[i], n) == 0 && (!url[n] || url[n] == ':' || url[n] == '/'))
			return true;
	}
	return false;
}

/* ---- the certificate ---- */

static int ask(const char *its, struct fault *f)
{
	char answer[16] = "";

	if (!isatty(STDIN_FILENO))
		return fault_set(f, ENOTTY,
			"nobody is here to compare it: give --fingerprint with what `hildad tls init` "
			"printed (this server shows %s)",
			its);
	fprintf(stderr, "Is this what `hildad tls init` printed on the server? [yes/no] ");
	if (!fgets(answer, sizeof(answer), stdin) || strcmp(answer, "yes\n") != 0)
		return fault_set(f, ECANCELED, "not confirmed; nothing was written");
	return 0;
}

static int know_server(struct enroll *e, struct fault *f)
{
	char its[FINGERPRINT_BYTES], want[FINGERPRINT_BYTES];
	int rc;

	if (strncmp(e->o->url, "https://", 8) != 0) {
		if (is_this_machine(e->o->url) && !e->o->fingerprint)
			return 0;
		return fault_set(f, EINVAL,
			"%s: tokens would travel in the open; write https:// (`hildad tls init` makes a "
			"certificate for the server)",
			e->o->url);
	}
	rc = e->o->fingerprint ? fingerprint_parse(e->o->fingerprint, want, f) : 0;
	if (!rc)
		rc = http_peer_certificate(e->o->url, WAIT_MS, &e->pem, f);
	if (!rc)
		rc = fingerprint_of_pem(e->pem, its, f);
	if (rc)
		return rc;
	fprintf(stderr, "%s shows the certificate\n  %s\n", e->o->url, its);
	if (!e->o->fingerprint)
		return ask(its, f);
	if (strcmp(its, want) != 0)
		return fault_set(f, EKEYREJECTED,
			"that is not %s: another machine answers for %s, or the server has a new "
			"certificate; nothing was sent or written",
			want, e->o->url);
	return 0;
}

/* ---- the token ---- */

static struct termios before; /* of the prompt */

/* SIGINT's or SIGTERM's, which then has its way (SA_RESETHAND). */
static void give_back(int sig)
{
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	raise(sig);
}

/* As fgets does, without showing what is typed. */
static void read_hidden(char *out, int room)
{
	struct sigaction ours = {
		.sa_handler = give_back, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
	bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
	struct sigaction old_int, old_term;
	struct termios quiet = before;

	if (terminal) {
		sigaction(SIGINT, &ours, &old_int);
		sigaction(SIGTERM, &ours, &old_term);
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
		fprintf(stderr, "Enrolment token (of `hildad token enroll`): ");
	}
	if (!fgets(out, room, stdin))
		out[0] = 0;
	if (terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		sigaction(SIGINT, &old_int, NULL);
		sigaction(SIGTERM, &old_term, NULL);
		fprintf(stderr, "\n");
	}
}

static int read_word(struct enroll *e, struct fault *f)
{
	_cleanup_free_ char *text = NULL;
	int rc = 0;

	if (e->o->token_file) {
		rc = file_read(e->o->token_file, sizeof(e->word) - 1, &text, NULL, f);
		if (!rc)
			snprintf(e->word, sizeof(e->word), "%s", text);
		if (text)
			sodium_memzero(text, strlen(text));
	} else {
		read_hidden(e->word, sizeof(e->word));
	}
	e->word[strcspn(e->word, "\r\n")] = 0;
	if (!rc && !e->word[0])
		rc = fault_set(f, EINVAL,
			"there is no enrolment token: give it on standard input or by --token-file");
	return rc;
}

/* Before the word is spent: what comes for it must have a place. */
static int prepare_files(struct enroll *e, struct fault *f)
{
	_cleanup_(file_close) int fd = -1;
	int rc = e->pem ? file_write_durable(e->new_ca, e->pem, strlen(e->pem), 0644, f) : 0;

	if (rc)
		return rc;
	unlink(e->new_token);
	fd = open(e->new_token, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? fault_errno(f, errno, "cannot write %s", e->new_token) : 0;
}

static int take_answer(struct enroll *e, const struct http_reply *reply, struct fault *f)
{
	json_t *doc = json_loadb(reply->body.data ? reply->body.data : "", reply->body.n, 0, NULL);
	const char *name = json_string_value(json_object_get(doc, "name"));
	const char *token = json_string_value(json_object_get(doc, "token"));
	int rc = 0;

	/* They go into files of lines. */
	if (!name || !token || strlen(name) >= sizeof(e->name) ||
		strlen(token) >= sizeof(e->own_token) || strpbrk(name, "\r\n") ||
		strpbrk(token, "\r\n"))
		rc = fault_set(f, EPROTO, "%s answers like no Hilda server", e->o->url);
	else {
		snprintf(e->name, sizeof(e->name), "%s", name);
		snprintf(e->own_token, sizeof(e->own_token), "%s", token);
	}
	json_decref(doc);
	return rc;
}

static int trade(struct enroll *e, struct fault *f)
{
	static const char *const headers[] = {"Hilda-Agent-Protocol: 1", NULL};
	const struct http_client_options options = {.base_url = e->o->url,
		.user_agent = "hilda-agent/" HILDA_VERSION,
		.ca = e->pem ? e->new_ca : NULL};
	json_t *doc = json_pack("{s:s}", "token", e->word);
	_cleanup_free_ char *body = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	struct http_request r = HTTP_REQUEST_INIT;
	struct http_client *client = NULL;
	struct http_reply reply = {0};
	int rc;

	json_decref(doc);
	if (!body)
		return fault_set(f, EINVAL, "the enrolment token is no text");
	rc = http_client_open(&options, &client, f);
	if (rc)
		return rc;
	r.method = "POST";
	r.path = "/agent/v1/enroll";
	r.headers = headers;
	r.body = body;
	r.body_bytes = strlen(body);
	r.timeout_ms = WAIT_MS;
	rc = http_client_call(client, &r, &reply, f);
	if (!rc && reply.status != 201)
		rc = http_reply_fault(&reply, f);
	if (!rc)
		rc = take_answer(e, &reply, f);
	http_reply_done(&reply);
	http_client_close(client);
	return rc;
}

/* ---- what is kept ---- */

static int keep_token(struct enroll *e, struct fault *f)
{
	char line[WORD_MAX_BYTES + 1];
	int n = snprintf(line, sizeof(line), "%s\n", e->own_token);
	int rc = file_write_durable(e->token, line, (size_t)n, 0600, f);

	sodium_memzero(line, sizeof(line));
	if (!rc && e->uid != (uid_t)-1 && chown(e->token, e->uid, e->gid) != 0)
		rc = fault_errno(f, errno, "%s cannot be given to user %u", e->token, e->uid);
	return rc;
}

static int keep_lines(const struct enroll *e, struct fault *f)
{
	const struct ini_line lines[] = {
		{"name", e->name}, {"server", e->o->url}, {"token-file", e->token}, {"ca", e->ca}};
	_cleanup_(buffer_done) struct buffer out = BUFFER_INIT(INI_MAX_BYTES);
	_cleanup_free_ char *text = NULL;
	struct stat st = {.st_mode = 0644};
	int rc = 0;

	if (stat(e->o->config, &st) == 0)
		rc = file_read(e->o->config, INI_MAX_BYTES, &text, NULL, f);
	if (rc)
		return rc;
	rc = ini_edit(text ? text : "", "agent", lines, ARRAY_SIZE(lines) - !e->pem, &out);
	if (rc)
		return fault_errno(f, -rc, "%s", e->o->config);
	return file_write_durable(e->o->config, out.data, out.n, st.st_mode & 0777, f);
}

static int keep(struct enroll *e, struct fault *f)
{
	int rc = 0;

	if (e->pem && rename(e->new_ca, e->ca) != 0)
		rc = fault_errno(f, errno, "cannot write %s", e->ca);
	if (!rc)
		rc = keep_token(e, f);
	if (!rc)
		rc = keep_lines(e, f);
	if (rc)
		fault_wrap(f, "the enrolment token is spent, but not all is written");
	return rc;
}

static int enroll(struct enroll *e, struct fault *f)
{
	int rc = find_places(e, f);

	find_owner(e);
	if (!rc)
		rc = know_server(e, f);
	if (!rc)
		rc = read_word(e, f);
	if (!rc)
		rc = prepare_files(e, f);
	if (!rc)
		rc = trade(e, f);
	if (!rc)
		rc = keep(e, f);
	unlink(e->new_ca);
	unlink(e->new_token);
	return rc;
}

int command_enroll(const struct enroll_options *o)
{
	struct enroll e = {.o = o};
	struct fault f = {0};
	int rc = enroll(&e, &f);

	if (rc)
		fprintf(stderr, "hilda-agent: %s\n", f.text);
	else
		printf("'%s' is enrolled at %s\nwritten: %s%s%s, and name, server, token-file%s in %s\n"
		       "Start the agent, or start it again.\n",
			e.name, o->url, e.token, e.pem ? ", " : "", e.pem ? e.ca : "",
			e.pem ? ", ca" : "", o->config);
	sodium_memzero(e.word, sizeof(e.word));
	sodium_memzero(e.own_token, sizeof(e.own_token));
	free(e.pem);
	return rc ? 1 : 0;
}
