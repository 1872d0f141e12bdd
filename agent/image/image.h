/*
 * A firmware image (or a host program) as its ELF file tells about it: what it is for, where it is
 * loaded, how large it is, what compiled it, and which function an address belongs to.
 *
 * The file is a stranger's: everything is bounds-checked before it is used, every count has a
 * limit, and what is beyond a limit is refused. By libelf and libdw; one thread for each image;
 * calls wait for nothing but the page cache. Strings belong to the image.
 */
#ifndef HILDA_AGENT_IMAGE_IMAGE_H
#define HILDA_AGENT_IMAGE_IMAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/board/config.h"
#include "common/fault.h"

#define IMAGE_MAX_BYTES (512u * 1024 * 1024)
#define IMAGE_SECTIONS_MAX 4096
#define IMAGE_SEGMENTS_MAX 128
#define IMAGE_SYMBOLS_MAX 2000000
#define IMAGE_UNITS_MAX 4096		   /* compilation units looked at */
#define IMAGE_DEBUG_MAX_BYTES (256u << 20) /* of all debug sections, uncompressed; more: no DWARF */
#define IMAGE_SYMBOL_BYTES 256

struct image;

/*
 * -ENOEXEC: not an ELF file. -EINVAL: an ELF file that no board can take (a relocatable object, no
 * loadable segment, headers that point outside the file). -EFBIG: over a limit.
 */
int image_open(const char *path, struct image **out, struct fault *f);
/* From memory, which is copied. name stands in messages. */
int image_parse(const void *data, size_t n, const char *name, struct image **out, struct fault *f);
void image_close(struct image *image); /* accepts NULL */

/*
 * Whether the image is for this board's kind of core (exec boards: this host). -EINVAL otherwise.
 */
int image_check_machine(
	const struct image *image, const struct board_config *board, struct fault *f);
/*
 * Every loaded byte lies in the board's memory. Exec boards, and boards whose memory is not known,
 * pass. -EINVAL with the segment, its addresses and the regions otherwise.
 */
int image_check_memory(
	const struct image *image, const struct board_config *board, struct fault *f);

const char *image_machine(const struct image *image);	  /* "ARM", "x86-64" */
const char *image_compiler(const struct image *image);	  /* .comment; "" when absent */
const char *image_flags(const struct image *image);	  /* DWARF's producer; "" when absent */
const char *image_code_sha256(const struct image *image); /* without identity sections */

/* docs/wire.md: flash_bytes, ram_static_bytes, weights_bytes, sections, segments. New reference. */
json_t *image_footprint(const struct image *image);

/* "main+0x12 (main.c:10)"; "" when no function holds the address. The Thumb bit is ignored. */
void image_symbolise(const struct image *image, uint64_t address, char out[IMAGE_SYMBOL_BYTES]);

#endif
