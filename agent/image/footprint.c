/*
 * How large an image is. flash_bytes: every byte that must be kept for the next start, that is,
 * what the file brings for its loaded segments (code, constants, the start values of data).
 * ram_static_bytes: data and bss, without a reserved stack or heap. weights_bytes: sections or
 * symbols that are named so.
 */
#include <inttypes.h>
#include <string.h>

#include "agent/image/elf_parts.h"
#include "common/cleanup.h"

#define SECTIONS_SHOWN_MAX 256

static bool starts(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

static bool is_weights(const char *name)
{
	return !strcmp(name, "weights") || !strcmp(name, "hilda_model") ||
		starts(name, ".weights") || starts(name, ".rodata.weights");
}

/* Room that the linker script keeps free for stack and heap: measured at run time, not static. */
static bool is_reserve(const char *name)
{
	return starts(name, ".stack") || starts(name, ".heap") || starts(name, "._user_heap_stack");
}

static const char *section_kind(const GElf_Shdr *s)
{
	if (s->sh_type == SHT_NOBITS)
		return "ram";
	return s->sh_flags & SHF_WRITE ? "data" : "flash";
}

static bool is_weights_symbol(const char *name)
{
	size_t n = strlen(name);

	return !strcmp(name, "weights") || starts(name, "weights_") ||
		(n > 8 && !strcmp(name + n - 8, "_weights"));
}

struct weights {
	const struct image *image;
	uint64_t bytes;
};

static void add_weights(void *arg, const GElf_Shdr *table, const GElf_Sym *symbol)
{
	struct weights *w = arg;
	const char *name;

	if (GELF_ST_TYPE(symbol->st_info) != STT_OBJECT)
		return;
	name = elf_strptr(w->image->elf, table->sh_link, symbol->st_name);
	if (name && is_weights_symbol(name) && symbol->st_size <= w->image->n)
		w->bytes += symbol->st_size;
}

/* For images whose weights lie among other constants: the symbols that are named so. */
static uint64_t weights_by_symbol(const struct image *image)
{
	struct weights w = {.image = image};

	image_each_symbol(image, add_weights, &w);
	return w.bytes;
}

static int add_segments(
	const struct image *image, json_t *doc, uint64_t *flash_bytes, uint64_t *writable_bytes)
{
	json_t *list = json_array();

	for (size_t i = 0; i < image->n_segments; i++) {
		const struct image_segment *s = &image->segments[i];
		char flags[4] = {0};
		size_t n = 0;

		if (s->flags & PF_R)
			flags[n++] = 'r';
		if (s->flags & PF_W)
			flags[n++] = 'w';
		if (s->flags & PF_X)
			flags[n++] = 'x';
		*flash_bytes += s->file_bytes;
		if (s->flags & PF_W)
			*writable_bytes += s->memory_bytes;
		json_array_append_new(list,
			json_pack("{s:I, s:I, s:I, s:s}", "address", (json_int_t)s->paddr,
				"file_bytes", (json_int_t)s->file_bytes, "memory_bytes",
				(json_int_t)s->memory_bytes, "flags", flags));
	}
	return json_object_set_new(doc, "segments", list);
}

json_t *image_footprint(const struct image *image)
{
	json_t *doc = json_object(), *list = json_array();
	uint64_t flash_bytes = 0, writable_bytes = 0, static_bytes = 0, weights_bytes = 0;
	bool any = false;

	for (size_t i = 1; i < image->n_sections; i++) {
		Elf_Scn *scn = elf_getscn(image->elf, i);
		char shown[IMAGE_SYMBOL_BYTES];
		const char *name;
		GElf_Shdr s;

		if (!scn || !gelf_getshdr(scn, &s) || !(s.sh_flags & SHF_ALLOC) || !s.sh_size)
			continue;
		any = true;
		name = image_section_name(image, &s);
		if ((s.sh_flags & SHF_WRITE) && !is_reserve(name))
			static_bytes += s.sh_size;
		if (is_weights(name))
			weights_bytes += s.sh_size;
		image_copy_printable(shown, sizeof(shown), name, strlen(name));
		if (json_array_size(list) < SECTIONS_SHOWN_MAX)
			json_array_append_new(list,
				json_pack("{s:s, s:I, s:I, s:s}", "name", shown, "address",
					(json_int_t)s.sh_addr, "bytes", (json_int_t)s.sh_size,
					"kind", section_kind(&s)));
	}
	json_object_set_new(doc, "sections", list);
	add_segments(image, doc, &flash_bytes, &writable_bytes);
	if (!weights_bytes)
		weights_bytes = weights_by_symbol(image);
	json_object_set_new(doc, "flash_bytes", json_integer((json_int_t)flash_bytes));
	json_object_set_new(doc, "ram_static_bytes",
		json_integer((json_int_t)(any ? static_bytes : writable_bytes)));
	json_object_set_new(doc, "weights_bytes", json_integer((json_int_t)weights_bytes));
	return doc;
}
