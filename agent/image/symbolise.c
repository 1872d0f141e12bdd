/* An address to "function+offset (file:line)", by the symbol table and DWARF's line table. */
#include <inttypes.h>
#include <string.h>

#include "agent/image/elf_parts.h"

struct nearest {
	const struct image *image;
	uint64_t address; /* what is looked for */
	uint64_t start;
	uint64_t size;
	char name[128];
};

static uint64_t plain_address(const struct image *image, uint64_t address)
{
	return image->header.e_machine == EM_ARM ? address & ~UINT64_C(1) : address;
}

static void consider(void *arg, const GElf_Shdr *table, const GElf_Sym *symbol)
{
	struct nearest *best = arg;
	uint64_t start = plain_address(best->image, symbol->st_value), address = best->address;
	const char *name;

	if (GELF_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_shndx == SHN_UNDEF)
		return;
	/* Assembly often says no size: then the function reaches to the next one. */
	if (address < start || (symbol->st_size && address - start >= symbol->st_size))
		return;
	if (best->name[0] && start < best->start)
		return;
	name = elf_strptr(best->image->elf, table->sh_link, symbol->st_name);
	if (!name || !name[0])
		return;
	best->start = start;
	best->size = symbol->st_size;
	snprintf(best->name, sizeof(best->name), "%.*s", (int)sizeof(best->name) - 1, name);
}

/* Whether loaded code lies there: a symbol without a size must not claim all of memory. */
static bool is_code(const struct image *image, uint64_t address)
{
	for (size_t i = 0; i < image->n_segments; i++) {
		const struct image_segment *s = &image->segments[i];

		if ((s->flags & PF_X) && address >= s->vaddr &&
			address - s->vaddr < s->memory_bytes)
			return true;
	}
	return false;
}

static void find_line(const struct image *image, uint64_t address, char *out, size_t room)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die die;

	out[0] = 0;
	for (unsigned k = 0; image->dwarf && k < IMAGE_UNITS_MAX; k++) {
		Dwarf_Line *line;
		const char *file, *slash;
		int number;

		if (dwarf_get_units(image->dwarf, unit, &unit, NULL, NULL, &die, NULL))
			return;
		if (dwarf_haspc(&die, address) != 1)
			continue;
		line = dwarf_getsrc_die(&die, address);
		file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
		if (!file || dwarf_lineno(line, &number))
			return;
		slash = strrchr(file, '/');
		snprintf(out, room, "%.80s:%d", slash ? slash + 1 : file, number);
		return;
	}
}

/* The names come out of a stranger's file. */
static void keep_printable(char *text)
{
	for (; *text; text++) {
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
	}
}

void image_symbolise(const struct image *image, uint64_t address, char out[IMAGE_SYMBOL_BYTES])
{
	struct nearest best = {.image = image, .address = plain_address(image, address)};
	char line[96];

	out[0] = 0;
	address = best.address;
	if (!is_code(image, address))
		return;
	image_each_symbol(image, consider, &best);
	find_line(image, address, line, sizeof(line));
	if (best.name[0] && line[0])
		snprintf(out, IMAGE_SYMBOL_BYTES, "%.90s+0x%" PRIx64 " (%s)", best.name,
			address - best.start, line);
	else if (best.name[0])
		snprintf(out, IMAGE_SYMBOL_BYTES, "%s+0x%" PRIx64, best.name, address - best.start);
	else if (line[0])
		snprintf(out, IMAGE_SYMBOL_BYTES, "(%s)", line);
	keep_printable(out);
}
