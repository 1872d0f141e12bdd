/* What `lab profile` says of the parts of an inference. */
#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/numbers.h"
#include "protocols/uart-bench/run_parts.h"

static int read_part(
	const struct line *line, size_t index, struct bench_part *part, struct fault *f)
{
	const char *layer = line_get(line, "layer"), *min = line_get(line, "min"),
		   *median = line_get(line, "median");
	uint64_t number = 0;
	int err = line_check_index(line, index, f);

	if (err)
		return err;
	part->name = line_get(line, "part");
	if (!part->name || !min || !median || number_u64(min, 0, INT64_MAX, &part->min_ticks) ||
		number_u64(median, 0, INT64_MAX, &part->median_ticks) ||
		(layer && number_u64(layer, 0, UINT32_MAX, &number)))
		return fault_set(f, EBADMSG,
			"line \"%s\" should have part, min, median and perhaps layer", line->text);
	part->layer = layer ? (int64_t)number : -1;
	return 0;
}

int bench_run_profile(
	const struct bench_run *run, struct bench_part **parts, size_t *n, struct fault *f)
{
	_cleanup_free_ struct bench_part *list = calloc(run->top + 1, sizeof(*list));
	size_t have = 0;

	if (!list)
		return fault_set(f, ENOMEM, "out of memory for a run's profile");
	for (size_t i = 0; i < run->top; i++) {
		const struct line *line = run->lines[i];
		int err = line && line->type == 'L' ? read_part(line, have, &list[have], f) : 0;

		if (err)
			return err;
		have += line && line->type == 'L';
	}
	if (!have)
		return fault_set(f, EBADMSG, "the firmware's profile has no $L record");
	*n = have;
	*parts = take_ptr(list);
	return 0;
}
