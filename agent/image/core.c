#include "agent/image/core.h"

#include <string.h>
#include <strings.h>

#include "common/cleanup.h"

#define FORMAT 'A'
#define VENDOR "aeabi"
#define TAG_FILE 1
#define TAG_CPU_RAW_NAME 4
#define TAG_CPU_NAME 5
#define TAG_CPU_ARCH 6
#define TAG_CPU_ARCH_PROFILE 7
#define TAG_COMPATIBILITY \
	32 /* a number and a text; above it even tags are numbers, odd ones texts */

#define V7 10
#define V6_M 11
#define V6S_M 12
#define V7E_M 13
#define V8_M_BASE 16
#define V8_M_MAIN 17
#define V8_1_M_MAIN 21

#define BIT(arch) (1u << (arch))
#define RUNS_V6 (BIT(V6_M) | BIT(V6S_M))
#define RUNS_V7 (RUNS_V6 | BIT(V7))
#define RUNS_V7E (RUNS_V7 | BIT(V7E_M))
#define RUNS_V8_BASE (RUNS_V6 | BIT(V8_M_BASE))
#define RUNS_V8 (RUNS_V7E | BIT(V8_M_BASE) | BIT(V8_M_MAIN))
#define RUNS_V8_1 (RUNS_V8 | BIT(V8_1_M_MAIN))

static const struct {
	const char *name;
	uint32_t runs;
} cores[] = {
	{"cortex-m0", RUNS_V6},
	{"cortex-m0plus", RUNS_V6},
	{"cortex-m0+", RUNS_V6},
	{"cortex-m1", RUNS_V6},
	{"cortex-m3", RUNS_V7},
	{"cortex-m4", RUNS_V7E},
	{"cortex-m7", RUNS_V7E},
	{"cortex-m23", RUNS_V8_BASE},
	{"cortex-m33", RUNS_V8},
	{"cortex-m35p", RUNS_V8},
	{"cortex-m52", RUNS_V8_1},
	{"cortex-m55", RUNS_V8_1},
	{"cortex-m85", RUNS_V8_1},
};

struct reader {
	const uint8_t *at, *end;
};

static uint64_t read_number(struct reader *r)
{
	uint64_t value = 0;

	for (unsigned shift = 0; r->at < r->end; shift += 7) {
		uint8_t byte = *r->at++;

		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			break;
	}
	return value;
}

static void skip_text(struct reader *r)
{
	const uint8_t *nul = memchr(r->at, 0, (size_t)(r->end - r->at));

	r->at = nul ? nul + 1 : r->end;
}

/* A length that counts itself and what stands in front of it, from start on; the part's reader. */
static struct reader read_part(struct reader *r, const uint8_t *start)
{
	struct reader part = {r->end, r->end};
	size_t left = (size_t)(r->end - start), head = (size_t)(r->at - start) + 4, n;

	if (head > left) {
		r->at = r->end;
		return part;
	}
	n = r->at[0] | (size_t)r->at[1] << 8 | (size_t)r->at[2] << 16 | (size_t)r->at[3] << 24;
	if (n < head || n > left)
		n = left;
	part = (struct reader){r->at + 4, start + n};
	r->at = part.end;
	return part;
}

static void read_attributes(struct reader r, struct core_need *out)
{
	while (r.at < r.end) {
		uint64_t tag = read_number(&r), value = 0;

		if (tag == TAG_CPU_RAW_NAME || tag == TAG_CPU_NAME ||
			(tag > TAG_COMPATIBILITY && tag % 2)) {
			skip_text(&r);
			continue;
		}
		value = read_number(&r);
		if (tag == TAG_COMPATIBILITY)
			skip_text(&r);
		else if (tag == TAG_CPU_ARCH)
			out->arch = value;
		else if (tag == TAG_CPU_ARCH_PROFILE)
			out->profile = value;
	}
}

void core_need_read(const uint8_t *section, size_t n, struct core_need *out)
{
	struct reader all = {section, section + n};

	*out = (struct core_need){0};
	if (!n || *all.at++ != FORMAT)
		return;
	while (all.at < all.end) {
		struct reader vendor = read_part(&all, all.at);
		size_t left = (size_t)(vendor.end - vendor.at);

		if (left < sizeof(VENDOR) || memcmp(vendor.at, VENDOR, sizeof(VENDOR)) != 0)
			continue;
		vendor.at += sizeof(VENDOR);
		while (vendor.at < vendor.end) {
			const uint8_t *start = vendor.at;
			uint64_t tag = read_number(&vendor);
			struct reader part = read_part(&vendor, start);

			if (tag == TAG_FILE)
				read_attributes(part, out);
		}
	}
}

const char *core_arch_name(uint64_t arch)
{
	static const char *const names[] = {
		[V7] = "ARMv7",
		[V6_M] = "ARMv6-M",
		[V6S_M] = "ARMv6S-M",
		[V7E_M] = "ARMv7E-M",
		[V8_M_BASE] = "ARMv8-M Baseline",
		[V8_M_MAIN] = "ARMv8-M Mainline",
		[V8_1_M_MAIN] = "ARMv8.1-M Mainline",
	};

	return arch < ARRAY_SIZE(names) ? names[arch] : NULL;
}

static size_t find_core(const char *core)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(cores) && strcasecmp(cores[i].name, core) != 0)
		i++;
	return i;
}

bool core_is_known(const char *core)
{
	return find_core(core) < ARRAY_SIZE(cores);
}

const char *core_flag(const char *core)
{
	size_t i = find_core(core);

	if (strcasecmp(core, "cortex-m0+") == 0)
		return "cortex-m0plus";
	return i < ARRAY_SIZE(cores) ? cores[i].name : core;
}

bool core_runs(const char *core, const struct core_need *need)
{
	size_t i = find_core(core);

	if (i == ARRAY_SIZE(cores))
		return true;
	if (need->profile == 'A' || need->profile == 'R')
		return false;
	return !core_arch_name(need->arch) || cores[i].runs & BIT(need->arch);
}
