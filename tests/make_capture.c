/*
 * make_capture SAMPLES SEED GAP_EVERY WINDOW_FROM BATCHES BATCH_SAMPLES CAPTURE SAMPLES_FILE: a capture
 * and, for whoever checks what others make of it, its samples: float64 uA of all indices, then a byte
 * of logic for each, then a byte each that says 0 valid, 1 lost, 2 invalid. SAMPLES_FILE -: none.
 */
#include <stdio.h>

#include "common/numbers.h"
#include "tests/signal.h"

static int to_file(void *arg, const void *bytes, size_t n)
{
	return fwrite(bytes, 1, n, arg) == n ? 0 : -1;
}

static int write_samples(const struct signal *s, const char *path)
{
	FILE *f = fopen(path, "wbe");
	int rc = f ? to_file(f, s->uA, s->n * sizeof(*s->uA)) : -1;

	if (!rc)
		rc = to_file(f, s->logic, s->n);
	if (!rc)
		rc = to_file(f, s->state, s->n);
	return f && fclose(f) == 0 ? rc : -1;
}

int main(int argc, char **argv)
{
	struct signal_shape shape;
	struct signal s;
	uint64_t n[6];
	FILE *f;
	int rc;

	if (argc != 9)
		return 2;
	for (int i = 0; i < 6; i++) {
		if (number_u64(argv[1 + i], 0, 1u << 30, &n[i]))
			return 2;
	}
	shape = (struct signal_shape){n[0], (uint32_t)n[1], n[2], n[3], n[4], n[5]};
	f = fopen(argv[7], "wbe");
	if (!f || signal_make(&shape, &s))
		return 1;
	rc = signal_capture(&s, to_file, f);
	if (fclose(f) == 0 && !rc && strcmp(argv[8], "-"))
		rc = write_samples(&s, argv[8]);
	signal_free(&s);
	return rc ? 1 : 0;
}
