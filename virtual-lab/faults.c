#include "virtual-lab/faults.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/numbers.h"

static const struct {
	const char *word;
	uint32_t arg;
} table[FAULT_COUNT] = {
	[FAULT_PROBE_ABSENT] = {"probe-absent", 0},
	[FAULT_WAIT_FOREVER] = {"wait-forever", 0},
	[FAULT_MEMORY] = {"memory-fault", 0},
	/* Byte 4 is the low byte of the reset vector, whose bit 0 is set in every image. */
	[FAULT_VERIFY_MISMATCH] = {"verify-mismatch", 4},
	[FAULT_PROBE_DROP] = {"probe-drop", 256},
	[FAULT_PROBE_HANG] = {"probe-hang", 0},
	[FAULT_QEMU_KILL] = {"qemu-kill", 256},
	[FAULT_WRONG_TAPID] = {"wrong-tapid", 0},
	[FAULT_UART_SILENT] = {"uart-silent", 0},
	[FAULT_UART_GARBLE] = {"uart-garble", 10},
	[FAULT_UART_CUT] = {"uart-cut", 5},
	[FAULT_UART_BABBLE] = {"uart-babble", 32},
	[FAULT_PPK2_SILENT] = {"ppk2-silent", 0},
	[FAULT_PPK2_LOST] = {"ppk2-lost", 10},
	[FAULT_PPK2_SLIP] = {"ppk2-slip", 50000},
	[FAULT_PPK2_DAMAGE] = {"ppk2-damage", 1},
	[FAULT_PPK2_STALE] = {"ppk2-stale", 0},
	[FAULT_PPK2_METADATA] = {"ppk2-metadata", 0},
	[FAULT_PPK2_UNPLUG] = {"ppk2-unplug", 100000},
};

void faults_init(struct faults *f)
{
	for (int i = 0; i < FAULT_COUNT; i++)
		fault_switch(f, i, false, 0);
}

bool fault_is_on(const struct faults *f, enum fault_name name)
{
	return atomic_load_explicit(&f->on[name], memory_order_relaxed);
}

uint32_t fault_arg(const struct faults *f, enum fault_name name)
{
	return atomic_load_explicit(&f->arg[name], memory_order_relaxed);
}

void fault_switch(struct faults *f, enum fault_name name, bool on, uint32_t arg)
{
	atomic_store(&f->arg[name], arg);
	atomic_store(&f->on[name], on);
}

const char *fault_word(enum fault_name name)
{
	return table[name].word;
}

static int refuse(const char *text, size_t n, struct fault *why)
{
	char known[512] = "";

	for (int i = 0; i < FAULT_COUNT; i++) {
		size_t used = strlen(known);

		snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "", table[i].word);
	}
	return fault_set(why, EINVAL, "no fault is called '%.*s'; the known ones are %s", (int)n,
		text, known);
}

int fault_parse(const char *text, enum fault_name *name, uint32_t *arg, struct fault *why)
{
	size_t n = strcspn(text, " ");
	uint64_t value;

	for (int i = 0; i < FAULT_COUNT; i++) {
		if (strlen(table[i].word) != n || memcmp(table[i].word, text, n))
			continue;
		value = table[i].arg;
		if (text[n] && number_address(text + n + 1, UINT32_MAX, &value))
			return fault_set(why, EINVAL, "'%s' of fault %s is not a number",
				text + n + 1, table[i].word);
		*name = i;
		*arg = (uint32_t)value;
		return 0;
	}
	return refuse(text, n, why);
}

void faults_list(const struct faults *f, char *out, size_t room)
{
	size_t used = 0;

	snprintf(out, room, "none");
	for (int i = 0; i < FAULT_COUNT; i++) {
		if (fault_is_on(f, i) && used < room)
			used += (size_t)snprintf(
				out + used, room - used, "%s%s", used ? "," : "", table[i].word);
	}
}
