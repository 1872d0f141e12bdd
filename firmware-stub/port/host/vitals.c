/*
 * What the machine is like before, during and after a sustained run: temperatures, frequencies, cooling
 * and throttling out of sysfs, the process's memory and page faults, the counters of perf. What
 * a machine does not have is left out; counters that it refuses are named. Reads between two inferences,
 * once a second, outside of what is timed. HILDA_SYSROOT: where /sys and /proc are looked for.
 */
#include "port/port.h"

#include "protocols/uart-bench/hilda_report.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SENSORS_MAX 48
#define OF_A_KIND_MAX 64 /* numbers that are tried: zones, policies, cooling devices, processors */
#define NAME_BYTES 32
#define PATH_BYTES 256
#define FILE_BYTES 4096

struct sensor {
	const char *kind;
	char name[NAME_BYTES], path[PATH_BYTES];
	int base; /* of the number in the file */
	int64_t before, least, most, after, limit;
	uint32_t reads;
	int has_limit;
};

static struct sensor sensors[SENSORS_MAX];
static uint32_t n_sensors;
static struct rusage usage_before, usage_after;

static const struct {
	const char *name;
	uint32_t type;
	uint64_t config;
} counters[] = {
	{"cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
	{"instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
	{"cache_references", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES},
	{"cache_misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES},
	{"branch_misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES},
	{"task_clock_ns", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK},
	{"context_switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES},
	{"migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS},
};
#define COUNTERS (sizeof(counters) / sizeof(counters[0]))

static struct {
	int fd;
	int known;
	uint64_t value;
} counts[COUNTERS];

/* The file's text without its line end; -1: there is none. */
static int read_text(const char *path, char *text, size_t room)
{
	const char *root = getenv("HILDA_SYSROOT");
	char whole[2 * PATH_BYTES];
	ssize_t n;
	int fd;

	snprintf(whole, sizeof(whole), "%s%s", root ? root : "", path);
	fd = open(whole, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, room - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = 0;
	if (text[n - 1] == '\n')
		text[n - 1] = 0;
	return 0;
}

static int read_number(const char *path, int base, int64_t *value)
{
	char text[64], *end;

	if (read_text(path, text, sizeof(text)) < 0)
		return -1;
	errno = 0;
	*value = strtoll(text, &end, base);
	return errno || end == text || *end ? -1 : 0;
}

static void add(const char *kind, const char *name, const char *path, int base, const char *limit)
{
	struct sensor *s = &sensors[n_sensors];
	int64_t value;

	if (n_sensors == SENSORS_MAX || read_number(path, base, &value) < 0)
		return;
	*s = (struct sensor){.kind = kind, .base = base};
	snprintf(s->name, sizeof(s->name), "%s", name);
	snprintf(s->path, sizeof(s->path), "%s", path);
	s->has_limit = limit && read_number(limit, base, &s->limit) == 0;
	n_sensors++;
}

/* Named by what a file beside it says, or by its number. */
static void add_named(const char *kind, const char *folder, const char *file, uint32_t i)
{
	char path[PATH_BYTES], name[NAME_BYTES];

	snprintf(path, sizeof(path), "%s%u/type", folder, (unsigned)i);
	if (read_text(path, name, sizeof(name)) < 0)
		snprintf(name, sizeof(name), "%u", (unsigned)i);
	snprintf(path, sizeof(path), "%s%u/%s", folder, (unsigned)i, file);
	add(kind, name, path, 10, NULL);
}

static void find_sensors(void)
{
	char path[PATH_BYTES], limit[PATH_BYTES], name[NAME_BYTES];

	n_sensors = 0;
	for (uint32_t i = 0; i < OF_A_KIND_MAX; i++) {
		add_named("temperature", "/sys/class/thermal/thermal_zone", "temp", i);
		add_named("cooling", "/sys/class/thermal/cooling_device", "cur_state", i);
		snprintf(path, sizeof(path),
			"/sys/devices/system/cpu/cpufreq/policy%u/scaling_cur_freq", (unsigned)i);
		snprintf(limit, sizeof(limit),
			"/sys/devices/system/cpu/cpufreq/policy%u/cpuinfo_max_freq", (unsigned)i);
		snprintf(name, sizeof(name), "policy%u", (unsigned)i);
		add("frequency", name, path, 10, limit);
		snprintf(path, sizeof(path),
			"/sys/devices/system/cpu/cpu%u/thermal_throttle/core_throttle_count",
			(unsigned)i);
		snprintf(name, sizeof(name), "cpu%u", (unsigned)i);
		add("throttled", name, path, 10, NULL);
	}
	/* A Raspberry Pi's bits: 0-3 under-voltage, capped, throttled, hot now; 16-19 since it was started. */
	add("throttled", "firmware", "/sys/devices/platform/soc/soc:firmware/get_throttled", 16,
		NULL);
}

static void read_sensors(enum port_vitals when)
{
	for (uint32_t i = 0; i < n_sensors; i++) {
		struct sensor *s = &sensors[i];
		int64_t value;

		if (read_number(s->path, s->base, &value) < 0)
			continue;
		if (!s->reads)
			s->before = s->least = s->most = value;
		s->least = value < s->least ? value : s->least;
		s->most = value > s->most ? value : s->most;
		if (when == VITALS_AFTER)
			s->after = value;
		s->reads++;
	}
}

static void open_counters(void)
{
	for (size_t i = 0; i < COUNTERS; i++) {
		struct perf_event_attr a = {.type = counters[i].type,
			.size = sizeof(a),
			.config = counters[i].config,
			.exclude_kernel = counters[i].type == PERF_TYPE_HARDWARE,
			.exclude_hv = 1,
			.read_format =
				PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING};

		counts[i].known = 0;
		counts[i].fd =
			(int)syscall(SYS_perf_event_open, &a, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	}
}

/* One that had to share a counter is stretched to the whole time, as perf does. */
static void close_counters(void)
{
	for (size_t i = 0; i < COUNTERS; i++) {
		uint64_t v[3];

		if (counts[i].fd < 0)
			continue;
		counts[i].known = read(counts[i].fd, v, sizeof(v)) == sizeof(v) && v[2];
		if (counts[i].known)
			counts[i].value = v[1] == v[2]
				? v[0]
				: (uint64_t)((double)v[0] * (double)v[1] / (double)v[2]);
		close(counts[i].fd);
	}
}

void port_vitals(enum port_vitals when)
{
	switch (when) {
	case VITALS_BEFORE:
		find_sensors();
		read_sensors(when);
		getrusage(RUSAGE_SELF, &usage_before);
		open_counters();
		break;
	case VITALS_DURING:
		read_sensors(when);
		break;
	case VITALS_AFTER:
		close_counters();
		getrusage(RUSAGE_SELF, &usage_after);
		read_sensors(when);
		break;
	}
}

/* "VmHWM:	   1234 kB" */
static int read_hwm(uint64_t *kB)
{
	static char text[FILE_BYTES];
	const char *line;

	if (read_text("/proc/self/status", text, sizeof(text)) < 0)
		return -1;
	line = strstr(text, "VmHWM:");
	if (!line)
		return -1;
	*kB = strtoull(line + strlen("VmHWM:"), NULL, 10);
	return 0;
}

/* Of the group that the process is in: version 2, or the memory hierarchy of version 1. */
static int read_cgroup_peak(int64_t *bytes)
{
	static const struct {
		const char *start, *mount, *file;
	} kinds[] = {{"0::/", "/sys/fs/cgroup", "memory.peak"},
		{":memory:/", "/sys/fs/cgroup/memory", "memory.max_usage_in_bytes"}};
	static char text[FILE_BYTES];

	if (read_text("/proc/self/cgroup", text, sizeof(text)) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *at = strstr(text, kinds[i].start);
		char path[PATH_BYTES];

		if (!at)
			continue;
		at += strlen(kinds[i].start) - 1;
		snprintf(path, sizeof(path), "%s%.*s/%s", kinds[i].mount, (int)strcspn(at, "\n"),
			at, kinds[i].file);
		if (read_number(path, 10, bytes) == 0)
			return 0;
	}
	return -1;
}

static void report_process(struct hilda_report *r)
{
	uint64_t kB;
	int64_t peak;

	hilda_report_open(r, 'V');
	hilda_report_text(r, "kind", "process");
	if (read_hwm(&kB) == 0)
		hilda_report_u64(r, "vm_hwm_kB", kB);
	if (read_cgroup_peak(&peak) == 0)
		hilda_report_i64(r, "cgroup_peak_bytes", peak);
	hilda_report_i64(r, "minor_faults", usage_after.ru_minflt - usage_before.ru_minflt);
	hilda_report_i64(r, "major_faults", usage_after.ru_majflt - usage_before.ru_majflt);
	hilda_report_close(r);
}

static void report_counters(struct hilda_report *r)
{
	char missing[120] = "";
	size_t n = 0;

	hilda_report_open(r, 'V');
	hilda_report_text(r, "kind", "perf");
	for (size_t i = 0; i < COUNTERS; i++) {
		if (counts[i].known)
			hilda_report_u64(r, counters[i].name, counts[i].value);
		else if (n < sizeof(missing))
			n += (size_t)snprintf(missing + n, sizeof(missing) - n, "%s%s",
				n ? ":" : "", counters[i].name);
	}
	if (n)
		hilda_report_text(r, "missing", missing);
	hilda_report_close(r);
}

void port_vitals_report(struct hilda_report *r)
{
	for (uint32_t i = 0; i < n_sensors; i++) {
		const struct sensor *s = &sensors[i];

		hilda_report_open(r, 'V');
		hilda_report_text(r, "kind", s->kind);
		hilda_report_text(r, "name", s->name);
		hilda_report_i64(r, "before", s->before);
		hilda_report_i64(r, "min", s->least);
		hilda_report_i64(r, "max", s->most);
		hilda_report_i64(r, "after", s->after);
		hilda_report_u64(r, "reads", s->reads);
		if (s->has_limit)
			hilda_report_i64(r, "limit", s->limit);
		hilda_report_close(r);
	}
	report_process(r);
	report_counters(r);
}
