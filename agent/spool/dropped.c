#include "agent/spool/dropped.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent/run/run_log.h"

int dropped_say(char **text, const char *why)
{
	json_t *result = json_loads(*text, 0, NULL);
	json_t *capture = json_object_get(json_object_get(result, "energy"), "capture");
	const char *said = json_string_value(json_object_get(capture, "dropped"));
	char *changed = NULL;
	int rc = 0;

	if (capture && !(said && said[0])) {
		json_object_set_new(capture, "dropped", json_string(why));
		changed = json_dumps(result, JSON_COMPACT);
		rc = changed ? 0 : -ENOMEM;
	}
	json_decref(result);
	if (!changed)
		return rc;
	free(*text);
	*text = changed;
	return 0;
}

bool dropped_is_promised(const char *text)
{
	json_t *result, *capture;
	bool promised;

	/* Most results have no capture, and may be long. */
	if (!strstr(text, "\"dropped\""))
		return false;
	result = json_loads(text, 0, NULL);
	capture = json_object_get(json_object_get(result, "energy"), "capture");
	promised = json_integer_value(json_object_get(capture, "bytes")) > 0 &&
		json_string_length(json_object_get(capture, "dropped")) == 0;
	json_decref(result);
	return promised;
}

int dropped_capture(
	struct spool *s, const struct spool_entry *e, const char *why, char **text, struct fault *f)
{
	char path[FILE_PATH_BYTES], line[FAULT_TEXT_BYTES];
	const char *before = *text;
	int rc = dropped_say(text, why);

	if (rc)
		return fault_errno(f, -rc, "result");
	if (*text == before)
		return 0;
	rc = spool_replace(s, e, *text, strlen(*text), f);
	if (rc)
		return rc;
	snprintf(line, sizeof(line), "the capture is dropped: %.900s", why);
	/* A log that is gone or full is no reason to keep the result back. */
	if (spool_file_path(s, e, SPOOL_LOG, path) == 0)
		run_log_add_line(path, line, NULL);
	if (spool_file_path(s, e, SPOOL_CAPTURE, path) == 0)
		unlink(path);
	return 0;
}
