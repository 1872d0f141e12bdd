#include "protocols/uart-bench/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/numbers.h"
#include "protocols/uart-bench/crc.h"
#include "protocols/uart-bench/run_parts.h"

struct bench_run *bench_run_new(void)
{
	return calloc(1, sizeof(struct bench_run));
}

void bench_run_clear(struct bench_run *run)
{
	for (size_t i = 0; i < run->top; i++)
		free(run->lines[i]);
	for (size_t i = 0; i < run->n_faults; i++)
		free(run->faults[i]);
	free(run->lines);
	free(run->end);
	memset(run, 0, sizeof(*run));
}

void bench_run_free(struct bench_run *run)
{
	if (!run)
		return;
	bench_run_clear(run);
	free(run);
}

void bench_run_freep(struct bench_run **run)
{
	bench_run_free(*run);
}

static char *put(char **to, const char *text)
{
	char *start = *to;
	size_t n = strlen(text) + 1;

	memcpy(start, text, n);
	*to += n;
	return start;
}

static struct line *copy_line(const struct bench_event *ev)
{
	size_t bytes = ev->n + 1;
	struct line *line;
	char *to;

	for (size_t i = 0; i < ev->n_pairs; i++)
		bytes += strlen(ev->pairs[i].key) + strlen(ev->pairs[i].value) + 2;
	line = malloc(sizeof(*line) + ev->n_pairs * sizeof(line->pairs[0]) + bytes);
	if (!line)
		return NULL;
	to = (char *)&line->pairs[ev->n_pairs];
	line->n = ev->n;
	line->seq = ev->seq;
	line->type = ev->type;
	line->n_pairs = ev->n_pairs;
	line->text = put(&to, ev->text);
	for (size_t i = 0; i < ev->n_pairs; i++) {
		line->pairs[i].key = put(&to, ev->pairs[i].key);
		line->pairs[i].value = put(&to, ev->pairs[i].value);
	}
	return line;
}

static int make_room(struct bench_run *run, size_t needed)
{
	size_t room = run->room ? run->room : 64;
	struct line **lines;

	while (room < needed)
		room *= 2;
	if (room == run->room)
		return 0;
	lines = realloc(run->lines, room * sizeof(struct line *));
	if (!lines)
		return -ENOMEM;
	memset(lines + run->room, 0, (room - run->room) * sizeof(struct line *));
	run->lines = lines;
	run->room = room;
	return 0;
}

static int add_end(struct bench_run *run, const struct bench_event *ev, struct fault *f)
{
	if (run->end)
		return strcmp(run->end->text, ev->text)
			? fault_set(f, EBADMSG, "a second end line came: \"%s\" after \"%s\"",
				  ev->text, run->end->text)
			: 0;
	if (ev->seq < run->top)
		return fault_set(f, EBADMSG, "the end line has seq %u, but line %zu came before it",
			ev->seq, run->top - 1);
	run->end = copy_line(ev);
	return run->end ? 0 : fault_set(f, ENOMEM, "out of memory for a run's lines");
}

static int add_fault_line(struct bench_run *run, const struct bench_event *ev, struct fault *f)
{
	if (run->n_faults == FAULT_LINES_MAX)
		return fault_set(
			f, E2BIG, "the firmware sent more than %d fault lines", FAULT_LINES_MAX);
	run->faults[run->n_faults] = copy_line(ev);
	if (!run->faults[run->n_faults])
		return fault_set(f, ENOMEM, "out of memory for a run's lines");
	run->n_faults++;
	return 0;
}

int bench_run_add(struct bench_run *run, const struct bench_event *ev, struct fault *f)
{
	struct line *line;

	if (ev->type == 'X')
		return add_fault_line(run, ev, f);
	if (ev->seq >= BENCH_RUN_LINES_MAX)
		return fault_set(f, E2BIG, "line %u is over the limit of %d lines in a run",
			ev->seq, BENCH_RUN_LINES_MAX);
	line = ev->seq < run->top ? run->lines[ev->seq] : NULL;
	if (line)
		return strcmp(line->text, ev->text)
			? fault_set(f, EEXIST,
				  "line %u came twice and differs: \"%s\", then \"%s\"; the device "
				  "has started anew",
				  ev->seq, line->text, ev->text)
			: 0;
	if (ev->type == 'E')
		return add_end(run, ev, f);
	if (run->end && ev->seq >= run->end->seq)
		return fault_set(f, EBADMSG, "line %u came behind the end line, which has seq %u",
			ev->seq, run->end->seq);
	line = copy_line(ev);
	if (!line || make_room(run, (size_t)ev->seq + 1)) {
		free(line);
		return fault_set(f, ENOMEM, "out of memory for a run's lines");
	}
	run->lines[ev->seq] = line;
	run->have++;
	if (ev->seq >= run->top)
		run->top = (size_t)ev->seq + 1;
	return 0;
}

bool bench_run_is_empty(const struct bench_run *run)
{
	return !run->have && !run->end;
}

bool bench_run_has_end(const struct bench_run *run)
{
	return run->end;
}

bool bench_run_has_fault(const struct bench_run *run)
{
	return run->n_faults;
}

size_t bench_run_missing(const struct bench_run *run, uint32_t *seqs, size_t max)
{
	size_t limit = run->end ? run->end->seq : run->top + 1;
	size_t found = 0;

	for (size_t i = 0; i < limit; i++) {
		if (i < run->top && run->lines[i])
			continue;
		if (found < max)
			seqs[found] = (uint32_t)i;
		found++;
	}
	return found;
}

int bench_run_check(const struct bench_run *run, struct fault *f)
{
	uint32_t crc = CRC32_START;
	const char *wanted;
	uint64_t lines;
	char text[9];
	size_t missing = bench_run_missing(run, NULL, 0);
	int err;

	if (missing || !run->end)
		return fault_set(f, EAGAIN, "%zu lines of the run are missing", missing);
	err = bench_run_u64(run, 'E', "lines", &lines, f);
	if (err)
		return -EBADMSG;
	if (lines != run->end->seq)
		return fault_set(f, EBADMSG,
			"the end line says %llu lines, but it has seq %u and %zu came",
			(unsigned long long)lines, run->end->seq, run->have);
	for (size_t i = 0; i < run->top; i++)
		crc = crc32_zlib(crc, run->lines[i]->text, run->lines[i]->n);
	snprintf(text, sizeof(text), "%08X", crc);
	wanted = bench_run_get(run, 'E', "crc");
	if (!wanted || strcmp(wanted, text))
		return fault_set(f, EBADMSG,
			"the end line says CRC-32 %s over all lines, but they have %s",
			wanted ? wanted : "(none)", text);
	return 0;
}

static const struct line *line_at(const struct bench_run *run, char type, size_t index)
{
	if (type == 'E')
		return index ? NULL : run->end;
	if (type == 'X')
		return index < run->n_faults ? run->faults[index] : NULL;
	return index < run->top ? run->lines[index] : NULL;
}

static size_t line_count(const struct bench_run *run, char type)
{
	if (type == 'E')
		return run->end ? 1 : 0;
	return type == 'X' ? run->n_faults : run->top;
}

const char *line_get(const struct line *line, const char *key)
{
	for (size_t i = 0; i < line->n_pairs; i++) {
		if (!strcmp(line->pairs[i].key, key))
			return line->pairs[i].value;
	}
	return NULL;
}

const char *bench_run_get(const struct bench_run *run, char type, const char *key)
{
	for (size_t i = 0; i < line_count(run, type); i++) {
		const struct line *line = line_at(run, type, i);
		const char *value = line && line->type == type ? line_get(line, key) : NULL;

		if (value)
			return value;
	}
	return NULL;
}

int bench_run_u64(
	const struct bench_run *run, char type, const char *key, uint64_t *out, struct fault *f)
{
	const char *value = bench_run_get(run, type, key);

	if (!value)
		return fault_set(f, ENOENT, "the firmware's $%c record has no %s", type, key);
	if (number_u64(value, 0, UINT64_MAX, out))
		return fault_set(f, EINVAL,
			"the firmware's $%c record has %s=%s, which is no number", type, key,
			value);
	return 0;
}

bool bench_run_pair_at(const struct bench_run *run, char type, size_t index, struct bench_pair *out)
{
	for (size_t i = 0; i < line_count(run, type); i++) {
		const struct line *line = line_at(run, type, i);

		if (!line || line->type != type)
			continue;
		if (index < line->n_pairs) {
			*out = line->pairs[index];
			return true;
		}
		index -= line->n_pairs;
	}
	return false;
}

struct list {
	uint64_t *items;
	size_t n, room;
};

static int list_add(struct list *list, uint64_t item, struct fault *f)
{
	if (list->n == BENCH_RUN_SAMPLES_MAX)
		return fault_set(f, E2BIG, "a run has more than %d samples", BENCH_RUN_SAMPLES_MAX);
	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 512;
		uint64_t *items = realloc(list->items, room * sizeof(*items));

		if (!items)
			return fault_set(f, ENOMEM, "out of memory for a run's samples");
		list->items = items;
		list->room = room;
	}
	list->items[list->n++] = item;
	return 0;
}

static void list_done(struct list *list)
{
	free(list->items);
}

int line_check_index(const struct line *line, size_t expected, struct fault *f)
{
	const char *text = line_get(line, "i");
	uint64_t i;

	if (!text || number_u64(text, 0, UINT32_MAX, &i) || i != expected)
		return fault_set(
			f, EBADMSG, "line \"%s\" should start at i=%zu", line->text, expected);
	return 0;
}

static int add_items(struct list *list, const struct line *line, const char *key, struct fault *f)
{
	const char *p = line_get(line, key);
	int err = p ? line_check_index(line, list->n, f)
		    : fault_set(f, EBADMSG, "line \"%s\" has no %s=", line->text, key);

	while (!err) {
		size_t n = strcspn(p, ":");
		uint64_t item;

		if (number_u64_n(p, n, 0, UINT64_MAX, &item))
			return fault_set(f, EBADMSG, "line \"%s\" has an item that is no number",
				line->text);
		err = list_add(list, item, f);
		if (!p[n])
			break;
		p += n + 1;
	}
	return err;
}

static int read_list(const struct bench_run *run, char type, const char *key, uint64_t **items,
	size_t *n, struct fault *f)
{
	_cleanup_(list_done) struct list list = {0};

	for (size_t i = 0; i < run->top; i++) {
		const struct line *line = run->lines[i];
		int err = line && line->type == type ? add_items(&list, line, key, f) : 0;

		if (err)
			return err;
	}
	*n = list.n;
	*items = take_ptr(list.items);
	return 0;
}

int bench_run_ticks(const struct bench_run *run, uint64_t **ticks, size_t *n, struct fault *f)
{
	return read_list(run, 'C', "t", ticks, n, f);
}

int bench_run_lengths(const struct bench_run *run, uint64_t **tokens, size_t *n, struct fault *f)
{
	return read_list(run, 'I', "n", tokens, n, f);
}

int bench_run_seconds(const struct bench_run *run, uint64_t **counts, size_t *n, struct fault *f)
{
	return read_list(run, 'T', "c", counts, n, f);
}

int bench_run_cold(const struct bench_run *run, struct bench_cold *out, struct fault *f)
{
	struct bench_cold cold;
	int err;

	if ((err = bench_run_u64(run, 'C', "boot", &cold.boot_ticks, f)) ||
		(err = bench_run_u64(run, 'C', "load", &cold.load_ticks, f)) ||
		(err = bench_run_u64(run, 'C', "first", &cold.first_ticks, f)))
		return err;
	*out = cold;
	return 0;
}
