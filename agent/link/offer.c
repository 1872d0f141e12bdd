#include "agent/link/offer.h"

#include <errno.h>
#include <inttypes.h>

#include "common/hex.h"

static int number(const json_t *json, const char *key, uint64_t *out, struct fault *f)
{
	const json_t *value = json_object_get(json, key);

	if (!json_is_integer(value) || json_integer_value(value) <= 0)
		return fault_set(f, EPROTO, "offer: '%s' is not a positive number", key);
	*out = (uint64_t)json_integer_value(value);
	return 0;
}

/* A bare hash, or with "sha256:" in front. */
static const char *hash_of(const json_t *image)
{
	const char *text = json_string_value(json_object_get(image, "sha256"));

	if (!text)
		text = json_string_value(image);
	if (text && strncmp(text, "sha256:", 7) == 0)
		text += 7;
	return text && hex_is_sha256(text) ? text : NULL;
}

int offer_parse(const json_t *json, struct offer **out, struct fault *f)
{
	const char *board = json_string_value(json_object_get(json, "board"));
	const char *image = hash_of(json_object_get(json, "image"));
	json_t *document = json_object_get(json, "document");
	struct offer o = {0};
	int rc = number(json, "run", &o.run, f);

	if (!rc)
		rc = number(json, "job", &o.job, f);
	if (!rc)
		rc = number(json, "attempt", &o.attempt, f);
	if (!rc)
		rc = number(json, "epoch", &o.epoch, f);
	if (rc)
		return rc;
	if (!board || strlen(board) >= sizeof(o.board))
		return fault_set(f, EPROTO, "offer of run %" PRIu64 ": no board", o.run);
	if (!image)
		return fault_set(f, EPROTO, "offer of run %" PRIu64 ": no image hash", o.run);
	if (!json_is_object(document))
		return fault_set(f, EPROTO, "offer of run %" PRIu64 ": no job document", o.run);
	memcpy(o.board, board, strlen(board) + 1);
	memcpy(o.image, image, sizeof(o.image));
	*out = malloc(sizeof(o));
	if (!*out)
		return fault_errno(f, ENOMEM, "offer of run %" PRIu64, o.run);
	o.document = json_incref(document);
	**out = o;
	return 0;
}

void offer_free(struct offer *o)
{
	if (!o)
		return;
	json_decref(o->document);
	free(o);
}
