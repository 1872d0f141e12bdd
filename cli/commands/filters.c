#include "cli/commands/filters.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int filters_url(const struct cli *cli, const char *path, const char *const *names,
	struct buffer *url, struct fault *f)
{
	int err = buffer_add_text(url, path);
	const char *label;

	for (; !err && *names; names++) {
		const char *value = cli_value(cli, *names);

		if (value)
			err = url_add(url, *names, value);
	}
	for (size_t i = 0; !err && (label = cli_value_at(cli, "label", i)); i++) {
		const char *equals = strchr(label, '=');
		char key[96];

		if (!equals || equals == label || equals - label > 64)
			return fault_set(f, EINVAL,
				"--label %.80s: write key=value, as in model=linformer-nano",
				label);
		snprintf(key, sizeof(key), "label.%.*s", (int)(equals - label), label);
		err = url_add(url, key, equals + 1);
	}
	return err
		? fault_errno(f, -err, "the filters make an address over %d bytes", URL_MAX_BYTES)
		: 0;
}
