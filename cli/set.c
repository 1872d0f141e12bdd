#include "cli/set.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/buffer.h"
#include "common/cleanup.h"
#include "common/file.h"

static int read_input(const char *path, size_t limit, char **data, size_t *n, struct fault *f)
{
	struct buffer b = BUFFER_INIT(limit);
	char block[4096];
	size_t got;
	int err = 0;

	if (strcmp(path, "-"))
		return file_read(path, limit, data, n, f);
	while (!err && (got = fread(block, 1, sizeof(block), stdin)) > 0)
		err = buffer_add(&b, block, got);
	if (!err)
		err = buffer_add(&b, "", 0);
	if (err) {
		buffer_done(&b);
		return fault_errno(f, -err, "standard input (the limit is %zu bytes)", limit);
	}
	*data = b.data;
	*n = b.n;
	return 0;
}

int set_load(const char *path, size_t limit, json_t **document, struct fault *f)
{
	_cleanup_free_ char *data = NULL;
	json_error_t why;
	json_t *doc;
	size_t n;
	int err = read_input(path, limit, &data, &n, f);

	if (err)
		return err;
	doc = json_loadb(data, n, JSON_REJECT_DUPLICATES, &why);
	if (!doc)
		return fault_set(f, EINVAL, "%s:%d:%d: %s", path, why.line, why.column, why.text);
	if (!json_is_object(doc)) {
		json_decref(doc);
		return fault_set(f, EINVAL, "%s: the document must be a JSON object", path);
	}
	*document = doc;
	return 0;
}

int set_apply(json_t *document, const char *assignment, struct fault *f)
{
	const char *equals = strchr(assignment, '='), *p = assignment;
	json_t *at = document, *value;

	if (!equals || equals == assignment)
		return fault_set(f, EINVAL, "--set %s: write key=value, as in board.type=microbit",
			assignment);
	for (;;) {
		size_t n = strcspn(p, ".=");
		_cleanup_free_ char *key = strndup(p, n);
		json_t *next;

		if (!key)
			return fault_set(f, ENOMEM, "out of memory");
		if (!n)
			return fault_set(
				f, EINVAL, "--set %s: a part of the key is empty", assignment);
		if (p[n] == '=') {
			value = json_loads(equals + 1, JSON_DECODE_ANY, NULL);
			if (!value)
				value = json_string(equals + 1);
			if (!value || json_object_set_new(at, key, value))
				return fault_set(
					f, EINVAL, "--set %s: the value is not UTF-8", assignment);
			return 0;
		}
		next = json_object_get(at, key);
		if (!next || json_is_null(next)) {
			next = json_object();
			json_object_set_new(at, key, next);
		}
		if (!json_is_object(next))
			return fault_set(f, EINVAL, "--set %s: \"%s\" is no object in the document",
				assignment, key);
		at = next;
		p += n + 1;
	}
}
