#include "common/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"

#define LINE_BYTES 4096

static atomic_int threshold = LOG_LEVEL_INFO;

struct line {
	char text[LINE_BYTES];
	size_t n;
};

static const char *level_name(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "error";
	case LOG_LEVEL_WARNING:
		return "warning";
	case LOG_LEVEL_INFO:
		return "info";
	default:
		return "debug";
	}
}

/* One byte stays free for the line end. */
static void put(struct line *l, char c)
{
	if (l->n < sizeof(l->text) - 1)
		l->text[l->n++] = c;
}

static void put_text(struct line *l, const char *text)
{
	while (*text)
		put(l, *text++);
}

static int needs_quotes(const char *text)
{
	if (!*text)
		return 1;
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f)
			return 1;
	}
	return 0;
}

static void put_value(struct line *l, const char *text)
{
	char code[8];

	if (!needs_quotes(text)) {
		put_text(l, text);
		return;
	}
	put(l, '"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\') {
			put(l, '\\');
			put(l, (char)c);
		} else if (c < ' ' || c >= 0x7f) {
			snprintf(code, sizeof(code), "\\x%02x", c);
			put_text(l, code);
		} else {
			put(l, (char)c);
		}
	}
	put(l, '"');
}

static void put_field(struct line *l, const struct log_field *field)
{
	char number[32];

	put(l, ' ');
	put_text(l, field->key);
	put(l, '=');
	switch (field->kind) {
	case LOG_KIND_STR:
		put_value(l, field->str ? field->str : "");
		return;
	case LOG_KIND_U64:
		snprintf(number, sizeof(number), "%" PRIu64, field->u64);
		break;
	case LOG_KIND_I64:
		snprintf(number, sizeof(number), "%" PRId64, field->i64);
		break;
	default:
		snprintf(number, sizeof(number), "%.6g", field->f64);
		break;
	}
	put_text(l, number);
}

void log_set_level(enum log_level level)
{
	atomic_store(&threshold, (int)level);
}

int log_level_parse(const char *name, enum log_level *level)
{
	static const enum log_level levels[] = {
		LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (!strcmp(name, level_name(levels[i]))) {
			*level = levels[i];
			return 0;
		}
	}
	return -EINVAL;
}

void log_write(enum log_level level, const char *message, const struct log_field *fields)
{
	struct line l;
	char stamp[CLOCK_RFC3339_BYTES];
	int saved = errno;

	if ((int)level > atomic_load(&threshold))
		return;
	l.n = 0;
	if (isatty(STDERR_FILENO)) {
		clock_format_rfc3339(clock_wall_ms(&clock_system), stamp);
		put_text(&l, stamp);
		put(&l, ' ');
	} else {
		put(&l, '<');
		put(&l, (char)('0' + (int)level));
		put(&l, '>');
	}
	put_text(&l, "level=");
	put_text(&l, level_name(level));
	put_text(&l, " msg=");
	put_value(&l, message);
	for (; fields->kind != LOG_KIND_END; fields++)
		put_field(&l, fields);
	l.text[l.n++] = '\n';
	file_write_all(STDERR_FILENO, l.text, l.n);
	errno = saved;
}
