/* What the kinds of power offer to power.c; nobody else includes it. power.h says what each does. */
#ifndef HILDA_AGENT_POWER_PARTS_H
#define HILDA_AGENT_POWER_PARTS_H

#include "agent/power/power.h"

struct power_kind_ops {
	int (*cycle)(void *self, int64_t deadline_ns, struct fault *f); /* NULL: cannot */
	int (*begin)(void *self, struct growing *file, int64_t deadline_ns, struct fault *f);
	int (*idle)(void *self, int64_t deadline_ns, struct fault *f);
	void (*mark)(void *self, bool begin);
	int (*await)(void *self, int64_t deadline_ns, struct fault *f);
	int (*end)(void *self, int64_t deadline_ns, struct power_measured *out, struct fault *f);
	int (*failed_fd)(const void *self);
	void (*instrument)(const void *self, struct power_instrument *out);
	void (*close)(void *self);
};

extern const struct power_kind_ops power_ppk2, power_sysfs;

int power_ppk2_open(const struct board_config *board, const struct power_options *o,
	int64_t deadline_ns, void **self, struct fault *f);
int power_sysfs_open(const struct board_config *board, const struct power_options *o,
	int64_t deadline_ns, void **self, struct fault *f);

#endif
