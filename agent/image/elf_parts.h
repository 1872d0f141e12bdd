/*
 * What the files of agent/image share: an open image's parts. Everything here was validated by
 * image_parse. One thread for each image.
 */
#ifndef HILDA_AGENT_IMAGE_ELF_PARTS_H
#define HILDA_AGENT_IMAGE_ELF_PARTS_H

#include <elfutils/libdw.h>
#include <gelf.h>
#include <libelf.h>

#include "agent/image/image.h"
#include "common/sha256.h"

#define IMAGE_TEXT_BYTES 1024

struct image_segment {
	uint64_t vaddr;
	uint64_t paddr;
	uint64_t file_bytes;
	uint64_t memory_bytes;
	uint64_t offset;
	uint32_t flags; /* PF_R, PF_W, PF_X */
};

struct image {
	char *name;
	uint8_t *data; /* the whole file: a private mapping or a copy */
	size_t n;
	bool mapped;
	Elf *elf;
	Dwarf *dwarf; /* NULL: no usable debug information */
	GElf_Ehdr header;
	struct image_segment segments[IMAGE_SEGMENTS_MAX];
	size_t n_segments;
	size_t names; /* section header string table; 0: none */
	size_t n_sections;
	char compiler[IMAGE_TEXT_BYTES];
	char flags[IMAGE_TEXT_BYTES];
	char code_sha256[SHA256_HEX_BYTES];
};

/* The name of a section, "" when it has none. */
const char *image_section_name(const struct image *image, const GElf_Shdr *section);
/* A section's bytes in the file; NULL when it has none or they lie outside. */
const uint8_t *image_section_bytes(const struct image *image, const GElf_Shdr *section);
/* Whether a section says which build this is rather than what it does. */
bool image_section_is_identity(const char *name);
/* Each symbol of each table, at most IMAGE_SYMBOLS_MAX of one; names are in the table's string section. */
void image_each_symbol(const struct image *image,
	void (*fn)(void *arg, const GElf_Shdr *table, const GElf_Sym *symbol), void *arg);
/* At most n bytes of a stranger's text, up to its NUL, what is not printable as '?'. */
void image_copy_printable(char *out, size_t room, const char *text, size_t n);
const char *image_machine_name(unsigned machine, char *room, size_t n);

/* Fill compiler, flags, code_sha256; what cannot be read stays "". */
void image_read_provenance(struct image *image);

#endif
