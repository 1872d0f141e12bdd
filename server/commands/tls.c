/* hildad tls init: a certificate and its key below the data folder; needs no running server. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/file.h"
#include "server/commands/commands.h"
#include "server/tls/pair.h"

#define HOST_BYTES 256

struct wish {
	const char *names[TLS_NAMES_MAX];
	size_t n_names;
	bool force;
	char host[HOST_BYTES];
};

struct places {
	char folder[FILE_PATH_BYTES], cert[FILE_PATH_BYTES], key[FILE_PATH_BYTES];
};

static int usage(void)
{
	fprintf(stderr,
		"usage: hildad tls init [--name HOST]... [--force]\n\n"
		"Makes a certificate (ECDSA P-256, signed by itself, good for ten years) and its key in\n"
		"DATA/tls, and prints its fingerprint and the settings. HOST is what agents, people and\n"
		"browsers will write in their addresses: a host name or an IP address; without any, this\n"
		"machine's name, localhost, 127.0.0.1 and ::1.\n\n"
		"  hildad tls init --name lab.example.org --name 10.0.0.5\n\n"
		"With another data folder than /var/lib/hilda: hildad tls init --data DIR\n");
	return 2;
}

static bool parse(int argc, char **argv, struct wish *w)
{
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--force") == 0)
			w->force = true;
		else if (strcmp(argv[i], "--name") == 0 && i + 1 < argc &&
			w->n_names < TLS_NAMES_MAX)
			w->names[w->n_names++] = argv[++i];
		else
			return false;
	}
	if (w->n_names)
		return true;
	if (gethostname(w->host, sizeof(w->host) - 1) == 0 && *w->host)
		w->names[w->n_names++] = w->host;
	w->names[w->n_names++] = "localhost";
	w->names[w->n_names++] = "127.0.0.1";
	w->names[w->n_names++] = "::1";
	return true;
}

static int find_places(const char *data, struct places *p, struct fault *f)
{
	int rc = file_path(p->folder, sizeof(p->folder), "%s/tls", data);

	if (!rc)
		rc = file_path(p->cert, sizeof(p->cert), "%s/cert.pem", p->folder);
	if (!rc)
		rc = file_path(p->key, sizeof(p->key), "%s/key.pem", p->folder);
	return rc ? fault_errno(f, -rc, "data folder %s", data) : 0;
}

static int check_free(const struct places *p, bool force, struct fault *f)
{
	const char *there = access(p->cert, F_OK) == 0 ? p->cert
		: access(p->key, F_OK) == 0	       ? p->key
						       : NULL;

	if (!there || force)
		return 0;
	return fault_set(f, EEXIST,
		"%s is there already, and agents may trust it; --force replaces certificate and key",
		there);
}

/* Made by root, they are for the user that the data folder belongs to. */
static int give_away(const char *data, const char *path, struct fault *f)
{
	struct stat st;

	if (geteuid() != 0 || stat(data, &st) != 0 || st.st_uid == 0)
		return 0;
	if (chown(path, st.st_uid, st.st_gid) != 0)
		return fault_errno(f, errno, "%s cannot be given to user %u", path, st.st_uid);
	return 0;
}

static int store(
	const char *data, const struct places *p, const struct tls_pair *pair, struct fault *f)
{
	int rc = file_make_folders(data, 0750, f);

	if (!rc)
		rc = file_make_folders(p->folder, 0755, f);
	if (!rc)
		rc = file_write_durable(p->key, pair->key, strlen(pair->key), 0600, f);
	if (!rc)
		rc = file_write_durable(p->cert, pair->cert, strlen(pair->cert), 0644, f);
	if (!rc)
		rc = give_away(data, p->folder, f);
	if (!rc)
		rc = give_away(data, p->key, f);
	return rc ? rc : give_away(data, p->cert, f);
}

static void tell(const struct wish *w, const struct places *p, const struct tls_pair *pair)
{
	char until[CLOCK_RFC3339_BYTES];

	clock_format_rfc3339(pair->expires_ms, until);
	printf("%s\n", pair->fingerprint);
	printf("for");
	for (size_t i = 0; i < w->n_names; i++)
		printf("%s %s", i ? "," : "", w->names[i]);
	printf("; until %.10s\n\nInto [server] of hildad's configuration:\n\ntls-cert = %s\ntls-key = %s\n\n",
		until, p->cert, p->key);
	printf("Agents fetch the certificate by `hilda-agent enroll`; others name a copy of %s as `ca`\n"
	       "(hilda: HILDA_CA).\n",
		p->cert);
}

static int init(const struct settings *s, const struct wish *w, struct fault *f)
{
	struct tls_pair *pair;
	struct places p;
	int rc = find_places(s->data, &p, f);

	if (!rc)
		rc = check_free(&p, w->force, f);
	if (!rc)
		rc = tls_pair_make(w->names, w->n_names, clock_wall_ms(&clock_system), &pair, f);
	if (rc)
		return rc;
	rc = store(s->data, &p, pair, f);
	if (!rc)
		tell(w, &p, pair);
	tls_pair_free(pair);
	return rc;
}

int command_tls(const struct settings *s, int argc, char **argv)
{
	struct wish w = {0};
	struct fault f = {0};

	if (argc < 1 || strcmp(argv[0], "init") != 0 || !parse(argc - 1, argv + 1, &w))
		return usage();
	if (init(s, &w, &f)) {
		fprintf(stderr, "hildad: %s\n", f.text);
		return 1;
	}
	return 0;
}
