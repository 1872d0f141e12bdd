/*
 * One line per event on stderr: logfmt, with journald's <N> priority in front when stderr is not a
 * terminal. Any thread; a line is one write(2), so lines do not mix. Values are quoted and control
 * bytes escaped: what a board or a user sent cannot forge a line.
 *
 *	log_info("run started", LOG_U64("job", job), LOG_STR("board", name));
 */
#ifndef HILDA_COMMON_LOG_H
#define HILDA_COMMON_LOG_H

#include <inttypes.h>
#include <stdint.h>

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

enum log_kind { LOG_KIND_END, LOG_KIND_STR, LOG_KIND_U64, LOG_KIND_I64, LOG_KIND_F64 };

struct log_field {
	enum log_kind kind;
	const char *key;
	union {
		const char *str;
		uint64_t u64;
		int64_t i64;
		double f64;
	};
};

#define LOG_STR(k, v) ((struct log_field){LOG_KIND_STR, (k), {.str = (v)}})
#define LOG_U64(k, v) ((struct log_field){LOG_KIND_U64, (k), {.u64 = (v)}})
#define LOG_I64(k, v) ((struct log_field){LOG_KIND_I64, (k), {.i64 = (v)}})
#define LOG_F64(k, v) ((struct log_field){LOG_KIND_F64, (k), {.f64 = (v)}})
#define LOG_END ((struct log_field){LOG_KIND_END, 0, {0}})

/* fields end with LOG_END. */
void log_write(enum log_level level, const char *message, const struct log_field *fields);

/* Nothing above this level is written; default LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* "error", "warning", "info", "debug". Returns 0 or -EINVAL. */
int log_level_parse(const char *name, enum log_level *level);

#define log_at(level, message, ...)   \
	log_write((level), (message), \
		(const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ) LOG_END})
#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
