/* Whether an image fits a board: its kind of core, and the memory that it is loaded into. */
#include <errno.h>
#include <inttypes.h>

#include "agent/image/core.h"
#include "agent/image/elf_parts.h"
#include "common/cleanup.h"

struct machine {
	unsigned id;
	const char *name;
};

static const struct machine machines[] = {
	{EM_ARM, "ARM"},
	{EM_AARCH64, "AArch64"},
	{EM_X86_64, "x86-64"},
	{EM_386, "x86"},
	{EM_RISCV, "RISC-V"},
	{EM_XTENSA, "Xtensa"},
	{EM_AVR, "AVR"},
	{EM_MIPS, "MIPS"},
	{EM_PPC64, "PowerPC64"},
	{EM_S390, "S/390"},
};

#if defined(__x86_64__)
#define HOST_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define HOST_MACHINE EM_AARCH64
#elif defined(__arm__)
#define HOST_MACHINE EM_ARM
#elif defined(__riscv)
#define HOST_MACHINE EM_RISCV
#else
#define HOST_MACHINE EM_NONE /* unknown: not checked */
#endif

const char *image_machine_name(unsigned machine, char *room, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		if (machines[i].id == machine)
			return machines[i].name;
	}
	snprintf(room, n, "machine %u", machine);
	return room;
}

const char *image_machine(const struct image *image)
{
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		if (machines[i].id == image->header.e_machine)
			return machines[i].name;
	}
	return "unknown";
}

/* What is behind ssh or adb says itself that it cannot execute an image. */
static unsigned wanted(const struct board_config *board)
{
	static const struct machine emulated[] = {{EM_AARCH64, "aarch64"}, {EM_ARM, "arm"},
		{EM_RISCV, "riscv64"}, {EM_X86_64, "x86_64"}, {EM_386, "i386"}};

	switch (board->exec_kind) {
	case EXEC_NONE:
		return EM_ARM;
	case EXEC_LOCAL:
		return HOST_MACHINE;
	case EXEC_QEMU:
		for (size_t i = 0; i < ARRAY_SIZE(emulated); i++) {
			if (!strcmp(emulated[i].name, board->exec_at))
				return emulated[i].id;
		}
		break;
	default:
		break;
	}
	return EM_NONE;
}

/* Whether the board's core has the instructions that the image was built for. */
static int check_core(const struct image *image, const struct board_config *board, struct fault *f)
{
	const char *core = board->mcu;
	struct core_need need = {0};

	for (size_t i = 0; i < board->n_tags && !core_is_known(core); i++)
		core = board->tags[i];
	for (size_t i = 1; i < image->n_sections; i++) {
		Elf_Scn *scn = elf_getscn(image->elf, i);
		const uint8_t *bytes;
		GElf_Shdr s;

		if (!scn || !gelf_getshdr(scn, &s) || s.sh_type != SHT_ARM_ATTRIBUTES)
			continue;
		bytes = image_section_bytes(image, &s);
		if (bytes)
			core_need_read(bytes, s.sh_size, &need);
	}
	if (core_runs(core, &need))
		return 0;
	if (need.profile == 'A' || need.profile == 'R')
		return fault_set(f, EINVAL,
			"the image is for an application processor, board %s has a %s", board->name,
			core);
	return fault_set(f, EINVAL,
		"the image is built for %s, board %s has a %s: build it with -mcpu=%s",
		core_arch_name(need.arch), board->name, core, core_flag(core));
}

int image_check_machine(
	const struct image *image, const struct board_config *board, struct fault *f)
{
	unsigned want = wanted(board);
	unsigned have = image->header.e_machine;
	const unsigned char *ident = image->header.e_ident;
	char room[2][32];

	if (want != EM_NONE && have != want)
		return fault_set(f, EINVAL, "the image is for %s, board %s is %s",
			image_machine_name(have, room[0], sizeof(room[0])), board->name,
			image_machine_name(want, room[1], sizeof(room[1])));
	if (board->exec)
		return 0;
	if (ident[EI_CLASS] != ELFCLASS32)
		return fault_set(
			f, EINVAL, "the image is 64-bit, board %s has a 32-bit core", board->name);
	if (ident[EI_DATA] != ELFDATA2LSB)
		return fault_set(f, EINVAL,
			"the image is big-endian, board %s is little-endian: link without -mbig-endian",
			board->name);
	return check_core(image, board, f);
}

/* Regions may touch each other: a range is inside when it is covered by them together. */
static bool covered(const struct board_config *board, uint64_t start, uint64_t bytes)
{
	uint64_t at = start, left = bytes;

	while (left) {
		uint64_t step = 0;

		for (size_t i = 0; i < board->n_memory; i++) {
			const struct memory_region *m = &board->memory[i];

			if (at >= m->base && at - m->base < m->bytes) {
				step = m->bytes - (at - m->base);
				break;
			}
		}
		if (!step)
			return false;
		step = step < left ? step : left;
		at += step;
		left -= step;
	}
	return true;
}

static void list_regions(const struct board_config *board, char *out, size_t room)
{
	size_t n = 0;

	out[0] = 0;
	for (size_t i = 0; i < board->n_memory && n < room; i++) {
		const struct memory_region *m = &board->memory[i];

		n += (size_t)snprintf(out + n, room - n, "%s%s 0x%08" PRIx64 "-0x%08" PRIx64,
			i ? ", " : "", m->name, m->base, m->base + m->bytes - 1);
	}
}

int image_check_memory(const struct image *image, const struct board_config *board, struct fault *f)
{
	char regions[600];

	if (board->exec || board->n_memory == 0)
		return 0;
	for (size_t i = 0; i < image->n_segments; i++) {
		const struct image_segment *s = &image->segments[i];
		bool stored = covered(board, s->paddr, s->file_bytes);
		uint64_t start = stored ? s->vaddr : s->paddr;
		uint64_t bytes = stored ? s->memory_bytes : s->file_bytes;

		if (stored && covered(board, s->vaddr, s->memory_bytes))
			continue;
		list_regions(board, regions, sizeof(regions));
		return fault_set(f, EINVAL,
			"segment %zu of the image (0x%08" PRIx64 "-0x%08" PRIx64
			", %s) lies outside the memory of board %s: %s",
			i, start, start + bytes - 1,
			stored ? "where it runs" : "where it is loaded", board->name, regions);
	}
	return 0;
}
