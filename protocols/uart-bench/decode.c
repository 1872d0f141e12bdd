#include "protocols/uart-bench/decode.h"

#include <string.h>

#include "common/numbers.h"
#include "protocols/uart-bench/crc.h"

void bench_decoder_init(struct bench_decoder *d)
{
	memset(d, 0, sizeof(*d));
}

const char *bench_damage_name(enum bench_damage d)
{
	switch (d) {
	case BENCH_DAMAGE_NONE:
		return "none";
	case BENCH_DAMAGE_LONG:
		return "over 160 characters";
	case BENCH_DAMAGE_CUT:
		return "cut off";
	case BENCH_DAMAGE_CRC:
		return "wrong checksum";
	case BENCH_DAMAGE_FORM:
		return "not $T,seq,key=value";
	case BENCH_DAMAGE_NOISE:
		return "unprintable bytes";
	}
	return "";
}

const char *bench_event_get(const struct bench_event *ev, const char *key)
{
	for (size_t i = 0; i < ev->n_pairs; i++) {
		if (!strcmp(ev->pairs[i].key, key))
			return ev->pairs[i].value;
	}
	return NULL;
}

static bool is_printable(char c)
{
	return c >= 0x20 && c <= 0x7e;
}

static bool is_plain_start(const char *line)
{
	return !strncmp(line, "m-", 2) || !strncmp(line, "e-", 2);
}

/* -1: not an upper-case hexadecimal digit. */
static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits behind the star; false unless they end the text. */
static bool read_crc(const char *text, uint16_t *crc)
{
	*crc = 0;
	for (int i = 0; i < 4; i++) {
		int digit = hex_value(text[i]);

		if (digit < 0)
			return false;
		*crc = (uint16_t)(*crc << 4 | digit);
	}
	return text[4] == '\0';
}

/* Cuts d->fields, "T,seq,key=value,...", in place. */
static bool read_fields(char *fields, struct bench_event *ev)
{
	char *p = fields, *comma;
	uint64_t seq;

	if (!(p[0] >= 'A' && p[0] <= 'Z') || p[1] != ',')
		return false;
	ev->type = p[0];
	p += 2;
	comma = strchr(p, ',');
	if (number_u64_n(p, comma ? (size_t)(comma - p) : strlen(p), 0, UINT32_MAX, &seq))
		return false;
	ev->seq = (uint32_t)seq;
	ev->n_pairs = 0;
	while (comma) {
		char *key = comma + 1, *equals = strchr(key, '=');

		comma = strchr(key, ',');
		if (comma)
			*comma = '\0';
		if (!equals || equals == key || (comma && equals > comma) ||
			ev->n_pairs == BENCH_PAIRS_MAX)
			return false;
		*equals = '\0';
		ev->pairs[ev->n_pairs++] = (struct bench_pair){key, equals + 1};
	}
	return true;
}

/* text, from `$` to the line's end, as a record. */
static enum bench_damage read_record(
	struct bench_decoder *d, const char *text, size_t n, struct bench_event *ev)
{
	const char *star = memchr(text, '*', n);
	size_t inner = star ? (size_t)(star - text) - 1 : 0;
	uint16_t crc;

	if (n > BENCH_LINE_MAX)
		return BENCH_DAMAGE_LONG;
	if (!star || star == text)
		return BENCH_DAMAGE_CUT;
	if (!read_crc(star + 1, &crc))
		return strlen(star + 1) < 4 ? BENCH_DAMAGE_CUT : BENCH_DAMAGE_CRC;
	if (crc16_ccitt_false(CRC16_START, text + 1, inner) != crc)
		return BENCH_DAMAGE_CRC;
	memcpy(d->fields, text + 1, inner);
	d->fields[inner] = '\0';
	if (memchr(d->fields, '\0', inner) || !read_fields(d->fields, ev))
		return BENCH_DAMAGE_FORM;
	return BENCH_DAMAGE_NONE;
}

static void set_text(struct bench_decoder *d, size_t start, struct bench_event *ev)
{
	ev->text = d->line + start;
	ev->n = d->n - start;
	ev->dropped = d->dropped + start;
}

static void damaged(
	struct bench_decoder *d, size_t start, enum bench_damage damage, struct bench_event *ev)
{
	for (size_t i = start; i < d->n; i++) {
		if (!is_printable(d->line[i]))
			d->line[i] = '?';
	}
	set_text(d, start, ev);
	if (ev->n > BENCH_LINE_MAX) {
		d->line[start + BENCH_LINE_MAX] = '\0';
		ev->n = BENCH_LINE_MAX;
	}
	ev->kind = BENCH_DAMAGED;
	ev->damage = damage;
}

static void plain(struct bench_decoder *d, struct bench_event *ev)
{
	size_t start = d->n;

	/* Boot noise may be glued to the first line: text counts from behind the last odd byte. */
	while (start && is_printable(d->line[start - 1]))
		start--;
	if (start && !is_plain_start(d->line + start)) {
		damaged(d, 0, BENCH_DAMAGE_NOISE, ev);
		return;
	}
	if (d->n - start > BENCH_LINE_MAX || (d->is_long && !start)) {
		damaged(d, start, BENCH_DAMAGE_LONG, ev);
		return;
	}
	set_text(d, start, ev);
	ev->kind = strcmp(ev->text, "m-ready") ? BENCH_PLAIN : BENCH_READY;
}

/* The line is complete and not empty. A record has one `$`, so noise ends at the last one. */
static void classify(struct bench_decoder *d, struct bench_event *ev)
{
	const char *dollar;
	enum bench_damage damage;
	size_t start;

	d->line[d->n] = '\0';
	dollar = memrchr(d->line, '$', d->n);
	if (!dollar) {
		plain(d, ev);
		return;
	}
	start = (size_t)(dollar - d->line);
	damage = read_record(d, dollar, d->n - start, ev);
	if (damage == BENCH_DAMAGE_NONE) {
		set_text(d, start, ev);
		ev->kind = BENCH_RECORD;
	} else if (is_plain_start(d->line) && !d->is_long && memchr(d->line, '*', d->n) == NULL) {
		plain(d, ev);
	} else {
		ev->n_pairs = 0;
		damaged(d, start, damage, ev);
	}
}

/* Room for one more byte: what cannot be part of a line of 160 characters goes. */
static void make_room(struct bench_decoder *d)
{
	const char *dollar = memrchr(d->line, '$', d->n);
	size_t keep = dollar ? d->n - (size_t)(dollar - d->line) : 0;

	/* One character over the limit is enough to know that the line is too long. */
	if (keep > BENCH_LINE_MAX + 1)
		keep = 0;
	memmove(d->line, d->line + d->n - keep, keep);
	d->dropped += d->n - keep;
	d->n = keep;
	d->is_long = true;
}

size_t bench_decoder_feed(
	struct bench_decoder *d, const void *data, size_t n, struct bench_event *ev)
{
	const char *bytes = data;

	*ev = (struct bench_event){.kind = BENCH_NONE};
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] != '\r' && bytes[i] != '\n') {
			if (d->n == BENCH_BUFFER_BYTES)
				make_room(d);
			d->line[d->n++] = bytes[i];
			continue;
		}
		if (d->n || d->is_long) {
			classify(d, ev);
			d->n = d->dropped = 0;
			d->is_long = false;
			return i + 1;
		}
	}
	return n;
}
