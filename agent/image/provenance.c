/* What the image says about its making: compiler, flags, and a hash of what it does. */
#include <ctype.h>
#include <dwarf.h>
#include <string.h>

#include "agent/image/elf_parts.h"
#include "common/cleanup.h"

#define PRODUCERS_MAX 16

bool image_section_is_identity(const char *name)
{
	return !strcmp(name, ".note.gnu.build-id") || !strcmp(name, ".comment") ||
		!strcmp(name, ".gnu_debuglink") || !strncmp(name, ".identity", 9) ||
		!strncmp(name, ".debug", 6);
}

void image_copy_printable(char *out, size_t room, const char *text, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n && text[i] && k + 1 < room; i++)
		out[k++] = isprint((unsigned char)text[i]) ? text[i] : '?';
	out[k] = 0;
}

/* .comment holds one string for each compiler that took part, often the same one again. */
static void read_comment(struct image *image, const GElf_Shdr *s)
{
	const char *bytes = (const char *)image_section_bytes(image, s);
	size_t at = 0, n = bytes ? s->sh_size : 0;

	while (at < n) {
		size_t length = strnlen(bytes + at, n - at);
		char one[256];

		image_copy_printable(one, sizeof(one), bytes + at, length);
		if (one[0] && !strstr(image->compiler, one) &&
			strlen(image->compiler) + strlen(one) + 3 < sizeof(image->compiler)) {
			size_t have = strlen(image->compiler);

			snprintf(image->compiler + have, sizeof(image->compiler) - have, "%s%s",
				have ? "; " : "", one);
		}
		at += length + 1;
	}
}

static void hash_u64(struct sha256 *hash, uint64_t v)
{
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(v >> (8 * i));
	sha256_update(hash, bytes, sizeof(bytes));
}

static void hash_part(struct sha256 *hash, uint64_t address, uint64_t size, const uint8_t *bytes)
{
	hash_u64(hash, address);
	hash_u64(hash, size);
	hash_u64(hash, bytes != NULL);
	if (bytes)
		sha256_update(hash, bytes, size);
}

/*
 * Sections rather than segments: a segment may hold the ELF header, which knows where debug data
 * lies.
 */
static void hash_code(struct image *image)
{
	struct sha256 hash;
	bool any = false;

	sha256_init(&hash);
	hash_u64(&hash, image->header.e_machine);
	hash_u64(&hash, image->header.e_entry);
	for (size_t i = 1; i < image->n_sections; i++) {
		Elf_Scn *scn = elf_getscn(image->elf, i);
		GElf_Shdr s;

		if (!scn || !gelf_getshdr(scn, &s) || !(s.sh_flags & SHF_ALLOC) || !s.sh_size)
			continue;
		any = true;
		if (!image_section_is_identity(image_section_name(image, &s)))
			hash_part(&hash, s.sh_addr, s.sh_size, image_section_bytes(image, &s));
	}
	for (size_t i = 0; !any && i < image->n_segments; i++) {
		const struct image_segment *s = &image->segments[i];

		hash_part(&hash, s->paddr, s->file_bytes, image->data + s->offset);
	}
	sha256_final_hex(&hash, image->code_sha256);
}

/* libdw unpacks and indexes all of it: a small file must not become gigabytes. */
static bool debug_is_bounded(struct image *image)
{
	uint64_t total = 0;

	for (size_t i = 1; i < image->n_sections; i++) {
		Elf_Scn *scn = elf_getscn(image->elf, i);
		GElf_Shdr s;
		GElf_Chdr c;

		if (!scn || !gelf_getshdr(scn, &s))
			return false;
		if (strncmp(image_section_name(image, &s), ".debug", 6))
			continue;
		if (s.sh_flags & SHF_COMPRESSED)
			total += gelf_getchdr(scn, &c) ? c.ch_size : IMAGE_DEBUG_MAX_BYTES + 1;
		else if (!image_section_bytes(image, &s) && s.sh_size)
			return false;
		else
			total += s.sh_size;
		if (total > IMAGE_DEBUG_MAX_BYTES)
			return false;
	}
	return total > 0;
}

struct producer {
	const char *text;
	unsigned units;
};

/* "GNU C11 12.2.1 20221205 -mcpu=cortex-m55 -O2" -> "-mcpu=cortex-m55 -O2" */
static void take_flags(struct image *image, const char *producer)
{
	const char *flags = strstr(producer, " -");

	if (flags)
		image_copy_printable(
			image->flags, sizeof(image->flags), flags + 1, strlen(flags + 1));
}

/* The producer of most units: a library that was linked in does not speak for the program. */
static void read_flags(struct image *image)
{
	struct producer list[PRODUCERS_MAX];
	size_t n = 0, best = 0;
	Dwarf_CU *unit = NULL;
	Dwarf_Die die;

	for (unsigned k = 0; k < IMAGE_UNITS_MAX; k++) {
		Dwarf_Attribute attribute;
		const char *text;
		size_t i;

		if (dwarf_get_units(image->dwarf, unit, &unit, NULL, NULL, &die, NULL))
			break;
		text = dwarf_formstring(dwarf_attr(&die, DW_AT_producer, &attribute));
		if (!text || !strncmp(text, "GNU AS", 6))
			continue;
		for (i = 0; i < n && strcmp(list[i].text, text); i++)
			continue;
		if (i == n && n < PRODUCERS_MAX)
			list[n++] = (struct producer){.text = text};
		if (i < n)
			list[i].units++;
	}
	for (size_t i = 1; i < n; i++) {
		if (list[i].units > list[best].units)
			best = i;
	}
	if (n)
		take_flags(image, list[best].text);
}

void image_read_provenance(struct image *image)
{
	for (size_t i = 1; i < image->n_sections; i++) {
		Elf_Scn *scn = elf_getscn(image->elf, i);
		GElf_Shdr s;

		if (scn && gelf_getshdr(scn, &s) &&
			!strcmp(image_section_name(image, &s), ".comment"))
			read_comment(image, &s);
	}
	hash_code(image);
	if (!debug_is_bounded(image))
		return;
	image->dwarf = dwarf_begin_elf(image->elf, DWARF_C_READ, NULL);
	if (image->dwarf)
		read_flags(image);
}
