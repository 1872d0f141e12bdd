/*
 * hilda_report: one header and one source for any firmware that is to be benchmarked by Hilda.
 * Made by firmware-stub/report/amalgamate.py; change these instead, then `make report`:
 *   protocols/uart-bench/crc.h
 *   protocols/uart-bench/sha256.h
 *   firmware-stub/core/words.h
 *   protocols/uart-bench/crc.c
 *   protocols/uart-bench/sha256.c
 *   firmware-stub/core/words.c
 *   protocols/uart-bench/hilda_report.c
 *   firmware-stub/report/device.c
 */
#include "hilda_report.h"

#define crc16_ccitt_false hilda_crc16_ccitt_false
#define crc32_zlib hilda_crc32_zlib
#define words_split hilda_words_split
#define words_equal hilda_words_equal
#define words_u32 hilda_words_u32

/* ---- protocols/uart-bench/crc.h ---------------------------------------------------------------- */

/*
 * The two checksums of the bench protocol. Freestanding C99, C++-safe, no state, no memory, any
 * thread or interrupt; time is linear in n (a table of 16 words each, so that it fits in a small
 * flash).
 */
#ifndef HILDA_UART_BENCH_CRC_H
#define HILDA_UART_BENCH_CRC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CRC16_START 0xFFFFu
#define CRC32_START 0u

/*
 * CRC-16/CCITT-FALSE: polynomial 0x1021, not reflected, no final xor. Start with CRC16_START and
 * pass the result on for the next piece. "123456789" gives 0x29B1.
 */
uint16_t crc16_ccitt_false(uint16_t crc, const void *data, size_t n);

/*
 * zlib's crc32(): reflected 0xEDB88320, complemented at both ends inside. Start with CRC32_START and
 * pass the result on for the next piece. "123456789" gives 0xCBF43926.
 */
uint32_t crc32_zlib(uint32_t crc, const void *data, size_t n);

#ifdef __cplusplus
}
#endif

#endif

/* ---- protocols/uart-bench/sha256.h ------------------------------------------------------------- */

/*
 * SHA-256 (FIPS 180-4) for firmware: freestanding C99, C++-safe, no tables beyond the 64 round
 * constants. The state is the caller's; any thread; about 3,000 instructions for 64 bytes. Host
 * programs use common/sha256.h, which is libsodium's.
 */
#ifndef HILDA_UART_BENCH_SHA256_H
#define HILDA_UART_BENCH_SHA256_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HILDA_SHA256_BYTES 32

struct hilda_sha256 {
	uint32_t h[8];
	uint64_t total_bytes;
	uint8_t block[64];
};

void hilda_sha256_init(struct hilda_sha256 *s);
void hilda_sha256_update(struct hilda_sha256 *s, const void *data, size_t n);
void hilda_sha256_final(struct hilda_sha256 *s, uint8_t out[HILDA_SHA256_BYTES]);

#ifdef __cplusplus
}
#endif

#endif

/* ---- firmware-stub/core/words.h ---------------------------------------------------------------- */

/* The words of a command: split in place, compared, read as numbers. Pure. */
#ifndef CORE_WORDS_H
#define CORE_WORDS_H

#include <stdint.h>

#define WORDS_MAX 5

/* Splits at single spaces; returns how many, or -1 if there are more than WORDS_MAX. */
int words_split(char *line, char *words[WORDS_MAX]);
int words_equal(const char *a, const char *b);
/* A decimal u32 and nothing else. 0 or -1. */
int words_u32(const char *word, uint32_t *value);

#endif

/* ---- protocols/uart-bench/crc.c ---------------------------------------------------------------- */

/* The tables hold the remainders of the sixteen values of a nibble. */
static const uint16_t nibble16[16] = {0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50A5, 0x60C6,
	0x70E7, 0x8108, 0x9129, 0xA14A, 0xB16B, 0xC18C, 0xD1AD, 0xE1CE, 0xF1EF};

static const uint32_t nibble32[16] = {0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190,
	0x6B6B51F4, 0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
	0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};

uint16_t crc16_ccitt_false(uint16_t crc, const void *data, size_t n)
{
	const uint8_t *p = (const uint8_t *)data;

	while (n--) {
		uint8_t byte = *p++;

		crc = (uint16_t)((crc << 4) ^ nibble16[(crc >> 12) ^ (byte >> 4)]);
		crc = (uint16_t)((crc << 4) ^ nibble16[(crc >> 12) ^ (byte & 15)]);
	}
	return crc;
}

uint32_t crc32_zlib(uint32_t crc, const void *data, size_t n)
{
	const uint8_t *p = (const uint8_t *)data;

	crc = ~crc;
	while (n--) {
		crc ^= *p++;
		crc = (crc >> 4) ^ nibble32[crc & 15];
		crc = (crc >> 4) ^ nibble32[crc & 15];
	}
	return ~crc;
}

/* ---- protocols/uart-bench/sha256.c ------------------------------------------------------------- */

static const uint32_t round_constants[64] = {0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5,
	0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
	0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
	0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152,
	0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e,
	0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624,
	0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3,
	0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, unsigned n)
{
	return (x >> n) | (x << (32 - n));
}

/* Keeps the last 16 words of the schedule, so that 64 bytes of stack do. */
static void compress(uint32_t h[8], const uint8_t *block)
{
	uint32_t w[16], v[8];
	unsigned i;

	for (i = 0; i < 8; i++)
		v[i] = h[i];
	for (i = 0; i < 64; i++) {
		uint32_t x, t1, t2;

		if (i < 16) {
			x = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
				(uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
		} else {
			uint32_t a = w[(i + 1) & 15], b = w[(i + 14) & 15];

			x = w[i & 15] + w[(i + 9) & 15] +
				(rotate(a, 7) ^ rotate(a, 18) ^ (a >> 3)) +
				(rotate(b, 17) ^ rotate(b, 19) ^ (b >> 10));
		}
		w[i & 15] = x;
		t1 = v[7] + (rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)) +
			((v[4] & v[5]) ^ (~v[4] & v[6])) + round_constants[i] + x;
		t2 = (rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)) +
			((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
		v[7] = v[6];
		v[6] = v[5];
		v[5] = v[4];
		v[4] = v[3] + t1;
		v[3] = v[2];
		v[2] = v[1];
		v[1] = v[0];
		v[0] = t1 + t2;
	}
	for (i = 0; i < 8; i++)
		h[i] += v[i];
}

void hilda_sha256_init(struct hilda_sha256 *s)
{
	static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
	unsigned i;

	for (i = 0; i < 8; i++)
		s->h[i] = start[i];
	s->total_bytes = 0;
}

void hilda_sha256_update(struct hilda_sha256 *s, const void *data, size_t n)
{
	const uint8_t *p = (const uint8_t *)data;

	while (n--) {
		s->block[s->total_bytes++ & 63] = *p++;
		if (!(s->total_bytes & 63))
			compress(s->h, s->block);
	}
}

void hilda_sha256_final(struct hilda_sha256 *s, uint8_t out[HILDA_SHA256_BYTES])
{
	static const uint8_t one = 0x80, zero = 0;
	uint64_t bits = s->total_bytes * 8;
	uint8_t length[8];
	unsigned i;

	hilda_sha256_update(s, &one, 1);
	while ((s->total_bytes & 63) != 56)
		hilda_sha256_update(s, &zero, 1);
	for (i = 0; i < 8; i++)
		length[i] = (uint8_t)(bits >> (56 - 8 * i));
	hilda_sha256_update(s, length, 8);
	for (i = 0; i < HILDA_SHA256_BYTES; i++)
		out[i] = (uint8_t)(s->h[i / 4] >> (24 - 8 * (i & 3)));
}

/* ---- firmware-stub/core/words.c ---------------------------------------------------------------- */

#include <stddef.h>

int words_split(char *line, char *words[WORDS_MAX])
{
	int n = 0;

	for (char *at = line; at; n++) {
		char *space = at;

		if (n == WORDS_MAX)
			return -1;
		while (*space && *space != ' ')
			space++;
		words[n] = at;
		at = *space ? space + 1 : NULL;
		*space = '\0';
	}
	return n;
}

int words_equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

int words_u32(const char *word, uint32_t *value)
{
	uint32_t x = 0;

	if (!*word)
		return -1;
	for (; *word; word++) {
		uint32_t digit = (uint32_t)(*word - '0');

		if (digit > 9 || x > (UINT32_MAX - digit) / 10)
			return -1;
		x = 10 * x + digit;
	}
	*value = x;
	return 0;
}

/* ---- protocols/uart-bench/hilda_report.c ------------------------------------------------------- */

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

/* ---- firmware-stub/report/device.c ------------------------------------------------------------- */

#define KEPT_COLD 0x48434F4Cu  /* the reset that comes is `lab cold`'s */
#define KEPT_AWAKE 0x48415741u /* the power has not been off since */
#define STACK_COLOUR 0x5A
#define STACK_MARGIN 256u /* below the painter: its own frame is in there */
#define TRIAL_LOOPS 4096u
#define EMPTY_ROUNDS 8
#define ENERGY_WARMUP 2u
#define LEAST_BATCH_MS 5u
/* Behind the last edge of D1, so that a meter at 100 kS/s sees it in the window. */
#define EDGE_US 50u

enum device_phase {
	DEVICE_NONE,
	DEVICE_ID,
	DEVICE_COLD,
	DEVICE_WARM,
	DEVICE_ENERGY,
	DEVICE_MEMORY,
	DEVICE_ACCURACY
};

#if defined(__GNUC__)
/* The compiler must not move work across the reading of the counter. */
#define DEVICE_BARRIER() __asm__ volatile("" ::: "memory")
#define DEVICE_NOINLINE __attribute__((noinline))
#else
#define DEVICE_BARRIER()
#define DEVICE_NOINLINE
#endif

/* ---- the counter ------------------------------------------------------------------------------- */

static uint64_t tick_mask(const struct hilda_device *d)
{
	unsigned bits = d->tick_bits ? d->tick_bits : 32;

	return bits < 64 ? ((uint64_t)1 << bits) - 1 : ~(uint64_t)0;
}

static uint64_t now(const struct hilda_device *d)
{
	uint64_t ticks;

	DEVICE_BARRIER();
	ticks = d->ticks(d->arg);
	DEVICE_BARRIER();
	return ticks;
}

static uint64_t since(const struct hilda_device *d, uint64_t start, uint64_t end)
{
	return (end - start) & tick_mask(d);
}

/* In 64 bits, if it is looked at more often than it wraps. */
static uint64_t total(struct hilda_device *d)
{
	uint64_t ticks = now(d);

	d->total_ticks += since(d, d->seen_ticks, ticks);
	d->seen_ticks = ticks;
	return d->total_ticks;
}

static int counts(const struct hilda_device *d)
{
	uint64_t start = now(d);
	volatile uint32_t i;

	for (i = 0; i < TRIAL_LOOPS; i++)
		;
	return since(d, start, now(d)) != 0;
}

/* What the two readings around an inference cost by themselves. */
static uint32_t empty_ticks(const struct hilda_device *d)
{
	uint64_t least = ~(uint64_t)0;
	int i;

	for (i = 0; i < EMPTY_ROUNDS; i++) {
		uint64_t start = now(d), ticks = since(d, start, now(d));

		if (ticks < least)
			least = ticks;
	}
	return (uint32_t)least;
}

static uint32_t net(uint64_t ticks, uint32_t overhead)
{
	ticks = ticks > overhead ? ticks - overhead : 0;
	return ticks > 0xFFFFFFFFu ? 0xFFFFFFFFu : (uint32_t)ticks;
}

/* ---- what is measured -------------------------------------------------------------------------- */

static void begin(struct hilda_device *d, uint32_t phase, uint32_t n, uint32_t warmup)
{
	struct hilda_measured *r = &d->run;

	r->phase = phase;
	r->number = d->next_number++;
	r->n = n;
	r->warmup = warmup;
	r->batch = 1;
	r->overhead = 0;
	r->window = 0;
	r->status = "ok";
	r->message = NULL;
	r->fixed = d->samples < 2;
}

static void infer_number(struct hilda_device *d, uint32_t i)
{
	d->infer(d->arg, d->run.fixed ? 0 : i % d->samples);
}

static void set_levels(struct hilda_device *d, uint32_t window)
{
	uint32_t run = d->run.number & 1 ? HILDA_D2 : 0;

	if (d->markers)
		d->markers(d->arg, window | (d->levels & HILDA_D1) | run);
}

/* Nothing is under way on the console, and interrupts that a window does not need are masked. */
static void window_open(struct hilda_device *d)
{
	if (d->drain)
		d->drain(d->arg);
	if (d->quiet)
		d->quiet(d->arg, 1);
	d->run.window = total(d);
	set_levels(d, HILDA_D0);
}

static void window_close(struct hilda_device *d)
{
	d->run.window = total(d) - d->run.window;
	set_levels(d, 0);
	if (d->quiet)
		d->quiet(d->arg, 0);
}

/* The boot's first inference, before anything else. */
static void measure_first(struct hilda_device *d)
{
	uint64_t start, loaded, end;

	begin(d, DEVICE_COLD, 1, 0);
	d->run.boot = now(d) & tick_mask(d);
	d->run.overhead = empty_ticks(d);
	start = now(d);
	d->wrong = d->load ? d->load(d->arg) : NULL;
	loaded = now(d);
	if (!d->wrong)
		d->infer(d->arg, 0);
	end = now(d);
	d->run.load = net(since(d, start, loaded), d->run.overhead);
	d->run.first = net(since(d, loaded, end), d->run.overhead);
	d->run.window = since(d, start, end);
	if (d->wrong) {
		d->run.status = "model";
		d->run.message = d->wrong;
	} else if (!d->run.window) {
		d->run.status = "timer";
		d->run.message = "the timer does not tick";
	}
}

static void measure_warm(struct hilda_device *d)
{
	uint32_t i;

	d->run.overhead = empty_ticks(d);
	for (i = 0; i < d->run.warmup; i++)
		infer_number(d, i);
	window_open(d);
	for (i = 0; i < d->run.n; i++) {
		uint32_t sample = d->run.fixed ? 0 : i % d->samples;
		uint64_t start = now(d);

		d->infer(d->arg, sample);
		d->results[i] = net(since(d, start, now(d)), d->run.overhead);
		total(d);
	}
	window_close(d);
}

static void infer_batch(struct hilda_device *d, uint32_t first, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		infer_number(d, first + i);
		total(d);
	}
}

/* The smallest power of two that makes a batch long enough. */
static uint32_t find_batch(struct hilda_device *d)
{
	const uint64_t enough = (uint64_t)d->hz * LEAST_BATCH_MS / 1000;
	uint32_t batch;

	for (batch = 1; batch < HILDA_BATCH_MAX; batch *= 2) {
		uint64_t start = total(d);

		infer_batch(d, 0, batch);
		d->run.warmup += batch;
		if (total(d) - start >= enough)
			break;
	}
	return batch;
}

static void measure_energy(struct hilda_device *d, uint32_t batches, uint32_t batch)
{
	uint64_t edge;
	uint32_t i;

	infer_batch(d, 0, d->run.warmup);
	d->run.batch = batch ? batch : find_batch(d);
	d->run.n = batches * d->run.batch;
	window_open(d);
	for (i = 0; i < batches; i++) {
		infer_batch(d, i * d->run.batch, d->run.batch);
		d->levels ^= HILDA_D1;
		set_levels(d, HILDA_D0);
	}
	edge = total(d);
	while (total(d) - edge < (uint64_t)d->hz * EDGE_US / 1000000)
		;
	window_close(d);
}

static void measure_accuracy(struct hilda_device *d)
{
	int8_t *all = (int8_t *)d->results;
	uint32_t i, c;

	for (i = 0; i < d->run.n; i++) {
		d->infer(d->arg, i);
		for (c = 0; c < d->outputs; c++)
			all[i * d->outputs + c] = d->logits[c];
		total(d);
	}
}

/* Returns where it stopped. */
static DEVICE_NOINLINE uintptr_t paint_below(uint8_t *low)
{
	volatile uint8_t here = 0;
	uintptr_t limit = (uintptr_t)&here - STACK_MARGIN;
	volatile uint8_t *at = low;

	while ((uintptr_t)at < limit)
		*at++ = STACK_COLOUR;
	return limit + here;
}

/* One inference on a painted stack. What lies above the painter is the caller's and counts as used. */
static void measure_memory(struct hilda_device *d)
{
	struct hilda_memory *m = &d->run.memory;
	uintptr_t limit = d->stack_low ? paint_below(d->stack_low) : 0;
	const uint8_t *deepest = d->stack_low;

	m->stack_used = m->stack_size = m->heap_used = m->heap_size = HILDA_UNKNOWN;
	m->arena_used = m->arena_size = HILDA_UNKNOWN;
	m->text = m->rodata = m->data = m->bss = HILDA_UNKNOWN;
	d->infer(d->arg, 0);
	if (d->stack_low) {
		while ((uintptr_t)deepest < limit && *deepest == STACK_COLOUR)
			deepest++;
		m->stack_used = (uint32_t)(d->stack_top - deepest);
		m->stack_size = (uint32_t)(d->stack_top - d->stack_low);
	}
	if (d->memory)
		d->memory(d->arg, m);
	if (d->stack_low && deepest == d->stack_low) {
		d->run.status = "stack";
		d->run.message = "The stack was used up: enlarge it";
	}
}

/* ---- what is sent, once or again --------------------------------------------------------------- */

static const char *or_none(const char *text)
{
	return text ? text : "unknown";
}

static void send_identity(struct hilda_device *d)
{
	struct hilda_report *r = &d->report;

	hilda_report_open(r, 'H');
	hilda_report_u64(r, "proto", HILDA_PROTO);
	hilda_report_text(r, "fw", or_none(d->firmware));
	hilda_report_text(r, "git", or_none(d->git));
	hilda_report_text(r, "cc", or_none(d->toolchain));
	hilda_report_text(r, "board", or_none(d->board));
	hilda_report_text(r, "uid", d->uid ? d->uid : "none");
	hilda_report_u64(r, "hz", d->hz);
	hilda_report_text(r, "timer", or_none(d->timer));
	hilda_report_text(r, "reset", d->reset_cause);
	hilda_report_u64(r, "max_n", d->results_n);
	hilda_report_open(r, 'M');
	hilda_report_text(r, "model", or_none(d->model));
	hilda_report_text(r, "quant", or_none(d->quant));
	hilda_report_text(r, "variant", d->variant ? d->variant : "");
	hilda_report_u64(r, "in", d->inputs);
	hilda_report_u64(r, "out", d->outputs);
	hilda_report_u64(r, "samples", d->samples ? d->samples : 1);
	if (d->weights) {
		uint8_t hash[HILDA_SHA256_BYTES];
		struct hilda_sha256 sha;

		hilda_sha256_init(&sha);
		hilda_sha256_update(&sha, d->weights, d->weights_bytes);
		hilda_sha256_final(&sha, hash);
		hilda_report_u64(r, "bytes", d->weights_bytes);
		hilda_report_bytes(r, "sha256", hash, sizeof(hash));
	}
}

static void send_run_record(struct hilda_device *d, const char *phase)
{
	struct hilda_report *r = &d->report;

	hilda_report_open(r, 'R');
	hilda_report_u64(r, "run", d->run.number);
	hilda_report_text(r, "phase", phase);
	hilda_report_u64(r, "n", d->run.n);
	hilda_report_u64(r, "warmup", d->run.warmup);
	hilda_report_u64(r, "batch", d->run.batch);
	hilda_report_text(r, "irq", d->quiet && d->run.phase != DEVICE_COLD ? "masked" : "on");
	hilda_report_text(r, "cache", or_none(d->cache));
	hilda_report_u64(r, "overhead", d->run.overhead);
	hilda_report_u64(r, "window", d->run.window);
	hilda_report_text(r, "inputs", d->run.fixed || d->run.n < 2 ? "fixed" : "rotate");
}

static void send_cold(struct hilda_device *d)
{
	struct hilda_report *r = &d->report;

	send_run_record(d, "cold");
	hilda_report_text(r, "kind", "reset");
	hilda_report_open(r, 'C');
	hilda_report_u64(r, "boot", d->run.boot);
	hilda_report_u64(r, "load", d->run.load);
	hilda_report_u64(r, "first", d->run.first);
}

static void send_bytes(struct hilda_device *d, const char *key, uint32_t bytes)
{
	if (bytes != HILDA_UNKNOWN)
		hilda_report_u64(&d->report, key, bytes);
}

static void send_memory(struct hilda_device *d)
{
	const struct hilda_memory *m = &d->run.memory;

	hilda_report_open(&d->report, 'S');
	send_bytes(d, "stack_used", m->stack_used);
	send_bytes(d, "stack_size", m->stack_size);
	send_bytes(d, "heap_used", m->heap_used);
	send_bytes(d, "heap_size", m->heap_size);
	send_bytes(d, "arena_used", m->arena_used);
	send_bytes(d, "arena_size", m->arena_size);
	send_bytes(d, "text", m->text);
	send_bytes(d, "rodata", m->rodata);
	send_bytes(d, "data", m->data);
	send_bytes(d, "bss", m->bss);
	send_bytes(d, "weights", d->weights ? d->weights_bytes : HILDA_UNKNOWN);
}

static void send_accuracy(struct hilda_device *d)
{
	const int8_t *logits = (const int8_t *)d->results;
	uint32_t i, c;

	send_run_record(d, "accuracy");
	for (i = 0; i < d->run.n; i++, logits += d->outputs) {
		uint32_t best = 0;

		for (c = 1; c < d->outputs; c++)
			if (logits[c] > logits[best])
				best = c;
		hilda_report_labelled(
			&d->report, i, best, d->labels ? d->labels[i] : -1, logits, d->outputs);
	}
}

static void send_lines(struct hilda_device *d)
{
	switch (d->run.phase) {
	case DEVICE_NONE:
		return;
	case DEVICE_ID:
		send_identity(d);
		break;
	case DEVICE_COLD:
		send_cold(d);
		break;
	case DEVICE_WARM:
		send_run_record(d, "warm");
		hilda_report_close(&d->report);
		hilda_report_ticks(&d->report, d->results, d->run.n);
		break;
	case DEVICE_ENERGY:
		send_run_record(d, "energy");
		break;
	case DEVICE_MEMORY:
		send_memory(d);
		break;
	case DEVICE_ACCURACY:
		send_accuracy(d);
		break;
	}
	hilda_report_end(&d->report, d->run.status, d->run.message);
}

/* ---- commands ---------------------------------------------------------------------------------- */

static int refuse(struct hilda_device *d, const char *before, const char *word)
{
	hilda_report_plain_text(&d->report, before, word, "]");
	return 0;
}

/* A number in [low, high] from the word, or an e- line that says the largest. */
static int in_range(struct hilda_device *d, const char *refusal, const char *word, uint32_t low,
	uint32_t high, uint32_t *value)
{
	if (!words_u32(word, value) && *value >= low && *value <= high)
		return 1;
	hilda_report_plain_u64(&d->report, refusal, high, "]");
	return 0;
}

static int do_id(struct hilda_device *d, char **words, int n)
{
	(void)words;
	(void)n;
	d->run.phase = DEVICE_ID;
	d->run.status = "ok";
	d->run.message = NULL;
	return 1;
}

static int do_cold(struct hilda_device *d, char **words, int n)
{
	(void)words;
	(void)n;
	if (!d->reset || !d->kept)
		return refuse(d, "e-[Unsupported verb: ", "cold");
	if (!counts(d))
		return refuse(d, "e-[Timer does not tick: ", or_none(d->timer));
	*d->kept = KEPT_COLD;
	if (d->drain)
		d->drain(d->arg);
	d->reset(d->arg);
	return refuse(d, "e-[The board was not reset: ", "reset() returned");
}

static int do_warm(struct hilda_device *d, char **words, int n)
{
	uint32_t iterations, warmup;

	if (!in_range(d, "e-[Iterations: a number from 1 to ", words[0], 1, d->results_n,
		    &iterations) ||
		!in_range(d, "e-[Warm-up: a number from 0 to ", words[1], 0, 0xFFFFFFFFu, &warmup))
		return 0;
	if (n > 2 && !words_equal(words[2], "fixed") && !words_equal(words[2], "rotate"))
		return refuse(d, "e-[Inputs: rotate or fixed; not ", words[2]);
	begin(d, DEVICE_WARM, iterations, warmup);
	if (n > 2 && words_equal(words[2], "fixed"))
		d->run.fixed = 1;
	measure_warm(d);
	return 1;
}

static int do_energy(struct hilda_device *d, char **words, int n)
{
	uint32_t batches, batch;

	(void)n;
	if (!d->markers)
		return refuse(d, "e-[Unsupported verb: ", "energy");
	if (!in_range(d, "e-[Batches: a number from 1 to ", words[0], 1, HILDA_BATCHES_MAX,
		    &batches) ||
		!in_range(d, "e-[Inferences in a batch: a number from 0 to ", words[1], 0,
			HILDA_BATCH_MAX, &batch))
		return 0;
	begin(d, DEVICE_ENERGY, 0, ENERGY_WARMUP);
	measure_energy(d, batches, batch);
	return 1;
}

static int do_memory(struct hilda_device *d, char **words, int n)
{
	(void)words;
	(void)n;
	begin(d, DEVICE_MEMORY, 1, 0);
	measure_memory(d);
	return 1;
}

static int do_accuracy(struct hilda_device *d, char **words, int n)
{
	uint32_t samples, most = d->samples ? d->samples : 1;

	(void)n;
	if (!d->logits || !d->outputs)
		return refuse(d, "e-[Unsupported verb: ", "accuracy");
	if (most > 4 * d->results_n / d->outputs)
		most = 4 * d->results_n / d->outputs;
	if (!in_range(d, "e-[Samples: a number from 1 to ", words[0], 1, most, &samples))
		return 0;
	begin(d, DEVICE_ACCURACY, samples, 0);
	measure_accuracy(d);
	return 1;
}

static int do_resend(struct hilda_device *d, char **words, int n)
{
	uint32_t line;

	(void)n;
	if (!in_range(d, "e-[Line: a number from 0 to ", words[0], 0, 0xFFFFFFFFu, &line))
		return 0;
	hilda_report_replay(&d->report, line);
	send_lines(d);
	if (!hilda_report_replayed(&d->report))
		refuse(d, "e-[The last run has no line ", words[0]);
	return 0;
}

static const struct device_verb {
	const char *name;
	int least, most; /* words behind it */
	int measures;	 /* needs the model and a counter that counts */
	int (*handler)(struct hilda_device *d, char **words, int n); /* 1: a run is to be sent */
} device_verbs[] = {
	{"id", 0, 0, 0, do_id},
	{"cold", 0, 0, 0, do_cold},
	{"warm", 2, 3, 1, do_warm},
	{"energy", 2, 2, 1, do_energy},
	{"memory", 0, 0, 1, do_memory},
	{"accuracy", 1, 1, 1, do_accuracy},
	{"resend", 1, 1, 0, do_resend},
};

static void do_lab(struct hilda_device *d, char **words, int n)
{
	unsigned i;

	for (i = 0; n && i < sizeof(device_verbs) / sizeof(device_verbs[0]); i++) {
		const struct device_verb *verb = &device_verbs[i];

		if (!words_equal(words[0], verb->name))
			continue;
		if (n - 1 < verb->least || n - 1 > verb->most)
			refuse(d, "e-[Wrong number of words after: ", words[0]);
		else if (verb->measures && d->wrong)
			refuse(d, "e-[", d->wrong);
		else if (verb->measures && !counts(d))
			refuse(d, "e-[Timer does not tick: ", or_none(d->timer));
		else if (verb->handler(d, words + 1, n - 1)) {
			hilda_report_run(&d->report);
			send_lines(d);
		}
		return;
	}
	refuse(d, "e-[Unsupported verb: ", n ? words[0] : "");
}

static void send_lap(struct hilda_device *d)
{
	uint64_t ticks = total(d);

	/* In two parts: the product would not fit after a few days. */
	ticks = ticks / d->hz * 1000000u + ticks % d->hz * 1000000u / d->hz;
	hilda_report_plain_u64(&d->report, "m-lap-us-", (uint32_t)ticks, "");
}

static void obey(struct hilda_device *d)
{
	char *words[WORDS_MAX];
	int n = words_split(d->command, words);

	if (n > 0 && words_equal(words[0], "lab")) {
		do_lab(d, words + 1, n - 1);
	} else if (n == 1 && words_equal(words[0], "name")) {
		hilda_report_plain(&d->report, "m-name-dut-[hilda]");
	} else if (n == 1 && words_equal(words[0], "profile")) {
		hilda_report_plain(&d->report, "m-profile-[ULPMark for tinyML Firmware V0.0.1]");
		hilda_report_plain_text(&d->report, "m-model-[", or_none(d->model), "]");
	} else if (n == 1 && words_equal(words[0], "timestamp")) {
		send_lap(d);
	} else {
		refuse(d, "e-[Unknown command: ", n > 0 ? words[0] : "");
	}
}

/* An over-long command is refused whole, not cut. */
static void take_byte(struct hilda_device *d, int c)
{
	if (c == '\r' || c == '\n')
		return;
	if (c != '%') {
		if (d->fill < HILDA_COMMAND_MAX)
			d->command[d->fill] = (char)(c >= ' ' && c <= '~' ? c : '?');
		d->fill += d->fill <= HILDA_COMMAND_MAX;
		return;
	}
	if (d->fill > HILDA_COMMAND_MAX) {
		hilda_report_plain(&d->report, "e-[Command is longer than 78 characters]");
	} else {
		d->command[d->fill] = '\0';
		obey(d);
	}
	d->fill = 0;
	hilda_report_plain(&d->report, "m-ready");
}

/* Why the board came up, as far as the word tells. 1: `lab cold` asked for it. */
static int take_kept(struct hilda_device *d)
{
	uint32_t kept = d->kept ? *d->kept : 0;

	d->reset_cause = "unknown";
	if (!d->kept)
		return 0;
	*d->kept = KEPT_AWAKE;
	if (kept == KEPT_COLD)
		d->reset_cause = "soft";
	else if (kept != KEPT_AWAKE)
		d->reset_cause = "power";
	return kept == KEPT_COLD;
}

void hilda_device_start(struct hilda_device *d)
{
	int cold;

	d->next_number = 0;
	d->fill = 0;
	measure_first(d);
	d->seen_ticks = now(d);
	d->total_ticks = d->seen_ticks & tick_mask(d);
	cold = take_kept(d);
	set_levels(d, 0);
	hilda_report_init(&d->report, d->put, d->arg);
	hilda_report_plain(&d->report, "");
	hilda_report_plain(&d->report, "m-timestamp-mode-performance");
	send_lap(d);
	hilda_report_plain(&d->report, "m-init-done");
	hilda_report_plain(&d->report, "m-ready");
	if (!cold)
		return;
	hilda_report_run(&d->report);
	send_lines(d);
	hilda_report_plain(&d->report, "m-ready");
}

int hilda_device_poll(struct hilda_device *d)
{
	int c;

	total(d);
	while ((c = d->get(d->arg)) >= 0)
		take_byte(d, c);
	return c == HILDA_CLOSED ? -1 : 0;
}

void hilda_device_run(struct hilda_device *d)
{
	hilda_device_start(d);
	while (!hilda_device_poll(d))
		;
}

void hilda_device_fault(
	const struct hilda_device *d, const char *kind, uint32_t pc, uint32_t lr, const char *msg)
{
	struct hilda_report r;

	hilda_report_init(&r, d->put, d->arg);
	/* The line that was being sent ends here. */
	hilda_report_plain(&r, "");
	hilda_report_open(&r, 'X');
	hilda_report_text(&r, "kind", kind);
	hilda_report_hex(&r, "pc", pc);
	hilda_report_hex(&r, "lr", lr);
	if (msg)
		hilda_report_text(&r, "msg", msg);
	hilda_report_close(&r);
}
