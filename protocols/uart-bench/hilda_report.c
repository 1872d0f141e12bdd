#include "hilda_report.h"

#include "crc.h"

/* `*XXXX` closes a line. */
#define TAIL_BYTES 5
#define DIGITS_MAX 20

static void emit(struct hilda_report *r, const char *bytes, size_t n)
{
	if (!r->replay || r->seq == r->only)
		r->put(r->arg, bytes, n);
}

/* A piece of the open record, behind its dollar sign. */
static void piece(struct hilda_report *r, const char *bytes, size_t n)
{
	r->line_crc = crc16_ccitt_false(r->line_crc, bytes, n);
	r->crc = crc32_zlib(r->crc, bytes, n);
	r->fill = (uint16_t)(r->fill + n);
	emit(r, bytes, n);
}

static size_t length(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

static size_t decimal(uint64_t value, char *out)
{
	char reversed[DIGITS_MAX];
	size_t n = 0, i;

	/* 32 bits at a time where they do: a 64-bit division is long on a small core. */
	while (value > 0xFFFFFFFFu) {
		reversed[n++] = (char)('0' + value % 10);
		value /= 10;
	}
	for (uint32_t low = (uint32_t)value; low || !n; low /= 10)
		reversed[n++] = (char)('0' + low % 10);
	for (i = 0; i < n; i++)
		out[i] = reversed[n - 1 - i];
	return n;
}

static size_t signed_decimal(int64_t value, char *out)
{
	if (value >= 0)
		return decimal((uint64_t)value, out);
	out[0] = '-';
	return 1 + decimal(0 - (uint64_t)value, out + 1);
}

static char hex_digit(uint32_t nibble)
{
	return (char)(nibble < 10 ? '0' + nibble : 'A' + nibble - 10);
}

static void hex(uint32_t value, unsigned digits, char *out)
{
	for (unsigned i = 0; i < digits; i++)
		out[i] = hex_digit((value >> (4 * (digits - 1 - i))) & 15);
}

static size_t room(const struct hilda_report *r)
{
	return (size_t)(HILDA_LINE_MAX - TAIL_BYTES - r->fill);
}

void hilda_report_init(struct hilda_report *r, hilda_put_fn put, void *arg)
{
	r->put = put;
	r->arg = arg;
	r->is_open = 0;
	hilda_report_run(r);
}

void hilda_report_run(struct hilda_report *r)
{
	r->seq = 0;
	r->lines = 0;
	r->crc = CRC32_START;
	r->only = 0;
	r->replay = 0;
	r->is_open = 0;
	r->list = 0;
	r->fill = 0;
}

void hilda_report_replay(struct hilda_report *r, uint32_t line)
{
	hilda_report_run(r);
	r->replay = 1;
	r->only = line;
}

int hilda_report_replayed(const struct hilda_report *r)
{
	return r->replay && r->seq > r->only;
}

void hilda_report_open(struct hilda_report *r, char type)
{
	char number[DIGITS_MAX];

	if (r->is_open)
		hilda_report_close(r);
	r->is_open = 1;
	r->type = type;
	r->list = 0;
	r->fill = 1;
	r->line_crc = CRC16_START;
	r->crc = crc32_zlib(r->crc, "$", 1);
	emit(r, "$", 1);
	piece(r, &type, 1);
	piece(r, ",", 1);
	piece(r, number, decimal(r->seq, number));
}

static void key_begin(struct hilda_report *r, const char *key, size_t value_bytes)
{
	size_t n = length(key);

	if (n + 2 + value_bytes > room(r))
		hilda_report_open(r, r->type);
	piece(r, ",", 1);
	piece(r, key, n);
	piece(r, "=", 1);
}

void hilda_report_u64(struct hilda_report *r, const char *key, uint64_t value)
{
	char text[DIGITS_MAX];
	size_t n = decimal(value, text);

	key_begin(r, key, n);
	piece(r, text, n);
}

void hilda_report_i64(struct hilda_report *r, const char *key, int64_t value)
{
	char text[DIGITS_MAX + 1];
	size_t n = signed_decimal(value, text);

	key_begin(r, key, n);
	piece(r, text, n);
}

void hilda_report_hex(struct hilda_report *r, const char *key, uint32_t value)
{
	char text[10] = {'0', 'x'};

	hex(value, 8, text + 2);
	key_begin(r, key, sizeof(text));
	piece(r, text, sizeof(text));
}

void hilda_report_bytes(struct hilda_report *r, const char *key, const uint8_t *bytes, size_t n)
{
	if (n > HILDA_VALUE_MAX / 2)
		n = HILDA_VALUE_MAX / 2;
	key_begin(r, key, 2 * n);
	for (size_t i = 0; i < n; i++) {
		char pair[2];

		/* Lower case, as hashes are written everywhere else. */
		hex(bytes[i], 2, pair);
		pair[0] = (char)(pair[0] | 0x20);
		pair[1] = (char)(pair[1] | 0x20);
		piece(r, pair, 2);
	}
}

void hilda_report_text(struct hilda_report *r, const char *key, const char *value)
{
	size_t n = length(value), cut = n > HILDA_VALUE_MAX;

	if (cut)
		n = HILDA_VALUE_MAX;
	key_begin(r, key, n);
	for (size_t i = 0; i < n; i++) {
		char c = value[i];

		if (c < ' ' || c > '~' || c == ',' || c == '*' || c == '$')
			c = '_';
		if (cut && i + 1 == n)
			c = '~';
		piece(r, &c, 1);
	}
}

void hilda_report_list(struct hilda_report *r, const char *key)
{
	/* At least one item of any size must fit behind it. */
	key_begin(r, key, DIGITS_MAX + 1);
	r->list = 0;
}

int hilda_report_item(struct hilda_report *r, int64_t value)
{
	char text[DIGITS_MAX + 2] = {':'};
	size_t n = 1 + signed_decimal(value, text + 1), skip = r->list ? 0 : 1;

	if (n - skip > room(r))
		return 0;
	piece(r, text + skip, n - skip);
	r->list = 1;
	return 1;
}

void hilda_report_close(struct hilda_report *r)
{
	char tail[TAIL_BYTES + 2] = {'*', 0, 0, 0, 0, '\r', '\n'};

	if (!r->is_open)
		return;
	hex(r->line_crc, 4, tail + 1);
	r->crc = crc32_zlib(r->crc, tail, TAIL_BYTES);
	emit(r, tail, sizeof(tail));
	r->is_open = 0;
	r->seq++;
	r->lines++;
}

void hilda_report_ticks(struct hilda_report *r, const uint32_t *ticks, uint32_t n)
{
	uint32_t i = 0;

	while (i < n) {
		hilda_report_open(r, 'C');
		hilda_report_u64(r, "i", i);
		hilda_report_list(r, "t");
		while (i < n && hilda_report_item(r, ticks[i]))
			i++;
		hilda_report_close(r);
	}
}

void hilda_report_prediction(struct hilda_report *r, uint32_t index, uint32_t predicted,
	const int8_t *logits, uint32_t classes)
{
	hilda_report_labelled(r, index, predicted, -1, logits, classes);
}

void hilda_report_labelled(struct hilda_report *r, uint32_t index, uint32_t predicted,
	int32_t label, const int8_t *logits, uint32_t classes)
{
	uint32_t i = 0;

	/* More classes than a line holds: the rest follows, `from` names the first of them. */
	do {
		hilda_report_open(r, 'P');
		hilda_report_u64(r, "i", index);
		hilda_report_u64(r, "p", predicted);
		if (label >= 0)
			hilda_report_u64(r, "y", (uint32_t)label);
		if (i)
			hilda_report_u64(r, "from", i);
		hilda_report_list(r, "l");
		while (i < classes && hilda_report_item(r, logits[i]))
			i++;
		hilda_report_close(r);
	} while (i < classes);
}

void hilda_report_end(struct hilda_report *r, const char *status, const char *msg)
{
	char text[8];
	uint32_t lines, crc;

	hilda_report_close(r);
	lines = r->lines;
	crc = r->crc;
	hilda_report_open(r, 'E');
	hilda_report_u64(r, "lines", lines);
	hex(crc, 8, text);
	key_begin(r, "crc", 8);
	piece(r, text, 8);
	hilda_report_text(r, "status", status);
	/* $E is one line: a message that does not fit is cut, and its end shows it. */
	if (msg) {
		size_t left = room(r), n = 0;

		piece(r, ",msg=", 5);
		for (left -= 5; msg[n] && n < left; n++) {
			char c = msg[n];

			if (c < ' ' || c > '~' || c == ',' || c == '*' || c == '$')
				c = '_';
			if (n + 1 == left && msg[n + 1])
				c = '~';
			piece(r, &c, 1);
		}
	}
	hilda_report_close(r);
}

void hilda_report_plain(struct hilda_report *r, const char *text)
{
	r->put(r->arg, text, length(text));
	r->put(r->arg, "\r\n", 2);
}

void hilda_report_plain_u64(
	struct hilda_report *r, const char *before, uint64_t value, const char *after)
{
	char text[DIGITS_MAX];

	r->put(r->arg, before, length(before));
	r->put(r->arg, text, decimal(value, text));
	hilda_report_plain(r, after);
}

void hilda_report_plain_text(
	struct hilda_report *r, const char *before, const char *text, const char *after)
{
	r->put(r->arg, before, length(before));
	r->put(r->arg, text, length(text));
	hilda_report_plain(r, after);
}
