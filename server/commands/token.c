/* hildad token create|enroll|list|revoke: tokens are made where the server runs, and nowhere else. */
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/numbers.h"
#include "server/commands/commands.h"
#include "server/commands/local.h"

static int usage(void)
{
	fprintf(stderr,
		"usage: hildad token create --name NAME --scopes SCOPE[,SCOPE] [--host AGENT] [--expires 90d]\n"
		"       hildad token enroll --host AGENT [--expires 1h]\n"
		"       hildad token list\n"
		"       hildad token revoke ID\n\n"
		"Scopes: read (pages and results), submit (jobs and images; cancel one's own),\n"
		"agent (with --host: that agent only), admin (boards, tokens, everybody's jobs).\n\n"
		"  hildad token create --name ada --scopes read,submit\n"
		"  hildad token create --name bench-3 --scopes agent --host bench-3 >/etc/hilda/agent.token\n\n"
		"A token of `enroll` is good once: hilda-agent enroll trades it for the agent's own.\n\n"
		"With another data folder than /var/lib/hilda: hildad --data DIR token ...\n");
	return 2;
}

static int failed(const struct fault *f)
{
	fprintf(stderr, "hildad: %s\n", f->text);
	return 1;
}

/* The request's document from "--KEY VALUE" words; NULL: usage was printed. */
static json_t *parse(const char *const *options, size_t n, int argc, char **argv)
{
	json_t *doc = json_object();

	for (int i = 0; i < argc; i += 2) {
		size_t k = 0;

		while (k < n && strcmp(options[k], argv[i]) != 0)
			k++;
		if (k == n || i + 1 == argc) {
			json_decref(doc);
			usage();
			return NULL;
		}
		json_object_set_new(doc, options[k] + 2, json_string(argv[i + 1]));
	}
	return doc;
}

static int create(const struct settings *s, int argc, char **argv)
{
	static const char *const options[] = {"--name", "--scopes", "--host", "--expires"};
	json_t *doc = parse(options, ARRAY_SIZE(options), argc, argv), *answer = NULL;
	struct fault f = {0};

	if (!doc)
		return 2;
	if (local_call(s->data, "POST", "/api/v1/tokens", doc, &answer, &f))
		return failed(&f);
	printf("%s\n", json_string_value(json_object_get(answer, "token")));
	fprintf(stderr, "token %lld; this is the only time that it is shown\n",
		(long long)json_integer_value(json_object_get(answer, "id")));
	json_decref(answer);
	return 0;
}

static int enroll(const struct settings *s, int argc, char **argv)
{
	static const char *const options[] = {"--host", "--expires"};
	json_t *doc = parse(options, ARRAY_SIZE(options), argc, argv), *answer = NULL;
	const char *fingerprint;
	struct fault f = {0};

	if (!doc)
		return 2;
	if (local_call(s->data, "POST", "/api/v1/enrolments", doc, &answer, &f))
		return failed(&f);
	fingerprint = json_string_value(json_object_get(answer, "fingerprint"));
	printf("%s\n", json_string_value(json_object_get(answer, "token")));
	fprintf(stderr,
		"good once, and shown this once. On the agent's host, which will ask for it:\n"
		"  hilda-agent enroll %s://THIS-HOST:PORT%s%s\n",
		fingerprint ? "https" : "http", fingerprint ? " --fingerprint " : "",
		fingerprint ? fingerprint : "");
	json_decref(answer);
	return 0;
}

static const char *text_of(const json_t *item, const char *key, const char *none)
{
	const json_t *value = json_object_get(item, key);

	return json_is_string(value) && *json_string_value(value) ? json_string_value(value) : none;
}

static int list(const struct settings *s)
{
	json_t *answer = NULL;
	struct fault f = {0};
	const json_t *item;
	size_t i;

	if (local_call(s->data, "GET", "/api/v1/tokens", NULL, &answer, &f))
		return failed(&f);
	printf("%-4s %-20s %-24s %-16s %-24s %-24s %s\n", "ID", "NAME", "SCOPES", "HOST", "EXPIRES",
		"LAST USE", "STATE");
	json_array_foreach (json_object_get(answer, "items"), i, item)
		printf("%-4lld %-20s %-24s %-16s %-24s %-24s %s\n",
			(long long)json_integer_value(json_object_get(item, "id")),
			text_of(item, "name", ""), text_of(item, "scopes", ""),
			text_of(item, "host", "-"), text_of(item, "expires_at", "never"),
			text_of(item, "used_at", "-"),
			json_is_null(json_object_get(item, "revoked_at")) ? "alive" : "revoked");
	json_decref(answer);
	return 0;
}

static int revoke(const struct settings *s, const char *word)
{
	json_t *answer = NULL;
	struct fault f = {0};
	char path[64];
	int64_t id;

	if (number_i64(word, 1, INT64_MAX, &id))
		return usage();
	snprintf(path, sizeof(path), "/api/v1/tokens/%lld", (long long)id);
	if (local_call(s->data, "DELETE", path, NULL, &answer, &f))
		return failed(&f);
	json_decref(answer);
	printf("token %lld is revoked\n", (long long)id);
	return 0;
}

int command_token(const struct settings *s, int argc, char **argv)
{
	if (argc >= 1 && strcmp(argv[0], "create") == 0)
		return create(s, argc - 1, argv + 1);
	if (argc >= 1 && strcmp(argv[0], "enroll") == 0)
		return enroll(s, argc - 1, argv + 1);
	if (argc == 1 && strcmp(argv[0], "list") == 0)
		return list(s);
	if (argc == 2 && strcmp(argv[0], "revoke") == 0)
		return revoke(s, argv[1]);
	return usage();
}
