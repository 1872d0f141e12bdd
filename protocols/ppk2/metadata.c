#include "protocols/ppk2/metadata.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/numbers.h"
#include "common/sha256.h"

#define VALUE_BYTES 64
#define LINE_SHOWN_BYTES 80

static const char *const names[PPK2_COEFFICIENTS] = {
	[PPK2_R] = "R",
	[PPK2_GS] = "GS",
	[PPK2_GI] = "GI",
	[PPK2_O] = "O",
	[PPK2_S] = "S",
	[PPK2_I] = "I",
	[PPK2_UG] = "UG",
};

/* The desktop app's, where a unit has none of its own. */
static const double default_R[PPK2_RANGES] = {1031.64, 101.65, 10.15, 0.94, 0.043};

/* What new firmware prints, in its order. */
static const enum ppk2_coefficient before_vdd[] = {PPK2_R, PPK2_GS, PPK2_GI, PPK2_O};
static const enum ppk2_coefficient behind_mode[] = {PPK2_S, PPK2_I, PPK2_UG};

const char *ppk2_coefficient_name(enum ppk2_coefficient c)
{
	return (unsigned)c < PPK2_COEFFICIENTS ? names[c] : "";
}

static double default_of(enum ppk2_coefficient k, int range)
{
	switch (k) {
	case PPK2_R:
		return default_R[range];
	case PPK2_GS:
	case PPK2_GI:
	case PPK2_UG:
		return 1;
	default:
		return 0;
	}
}

/* One line without its end; the start of the next one comes back. */
static const char *line_at(const char *p, const char *end, size_t *n)
{
	const char *feed = memchr(p, '\n', (size_t)(end - p));
	const char *stop = feed ? feed : end;

	*n = (size_t)(stop - p);
	while (*n && (p[*n - 1] == '\r' || p[*n - 1] == ' '))
		--*n;
	return feed ? feed + 1 : end;
}

static bool is_end(const char *line, size_t n)
{
	return n == 3 && !memcmp(line, "END", 3);
}

bool ppk2_metadata_is_whole(const char *text, size_t n)
{
	const char *end = text + n;
	size_t length;

	for (const char *p = text; p < end;) {
		const char *next = line_at(p, end, &length);

		if (is_end(p, length))
			return true;
		p = next;
	}
	return false;
}

/* Coefficient and range of "GS3"; false: another key. */
static bool coefficient_of(const char *key, size_t n, enum ppk2_coefficient *k, int *range)
{
	if (n < 2 || key[n - 1] < '0' || key[n - 1] >= '0' + PPK2_RANGES)
		return false;
	for (int i = 0; i < PPK2_COEFFICIENTS; i++) {
		if (strlen(names[i]) == n - 1 && !memcmp(names[i], key, n - 1)) {
			*k = (enum ppk2_coefficient)i;
			*range = key[n - 1] - '0';
			return true;
		}
	}
	return false;
}

/* nan, -nan and inf, as C libraries print them, become NaN. */
static int read_number(const char *text, double *out)
{
	const char *word = *text == '-' || *text == '+' ? text + 1 : text;

	if (!strncasecmp(word, "nan", 3) || !strcasecmp(word, "inf")) {
		*out = NAN;
		return 0;
	}
	return number_f64(text, -1e30, 1e30, out);
}

static bool key_is(const char *key, size_t n, const char *name)
{
	return strlen(name) == n && !memcmp(key, name, n);
}

static void take_other(struct ppk2_metadata *m, const char *key, size_t n, double value)
{
	bool natural = value >= 0 && value <= UINT32_MAX;

	if (key_is(key, n, "Calibrated"))
		m->calibrated = value != 0;
	else if (key_is(key, n, "VDD") && natural)
		m->vdd_mV = (uint32_t)value;
	else if (key_is(key, n, "HW") && natural)
		m->hw = (uint32_t)value;
	else if (key_is(key, n, "mode") && (value == PPK2_AMPERE || value == PPK2_SOURCE))
		m->mode = (enum ppk2_mode)value;
	else if (key_is(key, n, "IA"))
		m->ia = value;
}

static bool is_known(const char *key, size_t n)
{
	static const char *const others[] = {"Calibrated", "VDD", "HW", "mode", "IA"};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (key_is(key, n, others[i]))
			return true;
	}
	return false;
}

static int bad_line(struct fault *f, const char *line, size_t n, const char *why)
{
	char shown[LINE_SHOWN_BYTES + 1];
	size_t take = n < LINE_SHOWN_BYTES ? n : LINE_SHOWN_BYTES;

	for (size_t i = 0; i < take; i++)
		shown[i] = line[i] >= 0x20 && line[i] <= 0x7e ? line[i] : '?';
	shown[take] = '\0';
	return fault_set(f, EBADMSG, "PPK2 metadata: '%s' %s", shown, why);
}

static int take_line(struct ppk2_metadata *m, const char *line, size_t n, struct fault *f)
{
	const char *colon = memchr(line, ':', n);
	char text[VALUE_BYTES];
	enum ppk2_coefficient k = PPK2_R;
	const char *value;
	int range = 0;
	double v;

	if (!n)
		return 0;
	if (!colon)
		return bad_line(f, line, n, "is no 'Key: value' line");
	bool coefficient = coefficient_of(line, (size_t)(colon - line), &k, &range);

	if (!coefficient && !is_known(line, (size_t)(colon - line)))
		return 0;
	value = colon + 1;
	while (value < line + n && *value == ' ')
		value++;
	size_t length = (size_t)(line + n - value);

	if (length >= sizeof(text) || memchr(value, '\0', length))
		return bad_line(f, line, n, "has no number");
	memcpy(text, value, length);
	text[length] = '\0';
	if (read_number(text, &v))
		return bad_line(f, line, n, "has no number");
	if (coefficient)
		m->c[k][range] = v;
	else
		take_other(m, line, (size_t)(colon - line), v);
	return 0;
}

static void take_defaults(struct ppk2_metadata *m)
{
	for (int k = 0; k < PPK2_COEFFICIENTS; k++) {
		for (int r = 0; r < PPK2_RANGES; r++) {
			if (!isnan(m->c[k][r]) && (k != PPK2_R || m->c[k][r] != 0))
				continue;
			m->c[k][r] = default_of((enum ppk2_coefficient)k, r);
			m->defaulted[k] |= (uint8_t)(1 << r);
		}
	}
}

int ppk2_metadata_parse(const char *text, size_t n, struct ppk2_metadata *out, struct fault *f)
{
	struct ppk2_metadata m = {0};
	const char *end = text + n;
	size_t length;
	int err;

	if (n > PPK2_METADATA_MAX_BYTES)
		return fault_set(f, EBADMSG, "PPK2 metadata: %zu bytes, more than %d", n,
			PPK2_METADATA_MAX_BYTES);
	for (int k = 0; k < PPK2_COEFFICIENTS; k++) {
		for (int r = 0; r < PPK2_RANGES; r++)
			m.c[k][r] = NAN;
	}
	for (const char *p = text; p < end;) {
		const char *next = line_at(p, end, &length);

		if (is_end(p, length)) {
			take_defaults(&m);
			*out = m;
			return 0;
		}
		err = take_line(&m, p, length, f);
		if (err)
			return err;
		p = next;
	}
	return fault_set(f, EBADMSG, "PPK2 metadata: no END line in %zu bytes", n);
}

struct printer {
	char *out;
	size_t room, n;
	bool full;
};

static void __attribute__((format(printf, 2, 3))) put(struct printer *p, const char *format, ...)
{
	va_list args;
	int n;

	if (p->full)
		return;
	va_start(args, format);
	n = vsnprintf(p->out + p->n, p->room - p->n, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= p->room - p->n)
		p->full = true;
	else
		p->n += (size_t)n;
}

static void put_coefficients(struct printer *p, const struct ppk2_metadata *m,
	const enum ppk2_coefficient *which, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (int r = 0; r < PPK2_RANGES; r++) {
			enum ppk2_coefficient k = which[i];

			if (m->defaulted[k] & 1 << r)
				put(p, "%s%d: nan\n", names[k], r);
			else
				put(p, "%s%d: %.20f\n", names[k], r, m->c[k][r]);
		}
	}
}

int ppk2_metadata_print(const struct ppk2_metadata *m, char *out, size_t room)
{
	struct printer p = {.out = out, .room = room, .full = !room};

	put(&p, "Calibrated: %d\n", m->calibrated);
	put_coefficients(&p, m, before_vdd, sizeof(before_vdd) / sizeof(before_vdd[0]));
	put(&p, "VDD: %u\nHW: %u\nmode: %d\n", m->vdd_mV, m->hw, (int)m->mode);
	put_coefficients(&p, m, behind_mode, sizeof(behind_mode) / sizeof(behind_mode[0]));
	put(&p, "IA: %.20g\nEND\n", m->ia);
	return p.full ? -ENOSPC : (int)p.n;
}

void ppk2_metadata_hash(const struct ppk2_metadata *m, char hex[65])
{
	struct sha256 hash;
	char text[40];

	sha256_init(&hash);
	for (int k = 0; k < PPK2_COEFFICIENTS; k++) {
		for (int r = 0; r < PPK2_RANGES; r++) {
			int n = snprintf(text, sizeof(text), "%.17g\n", m->c[k][r]);

			sha256_update(&hash, text, (size_t)n);
		}
	}
	sha256_final_hex(&hash, hex);
}
