/* Images: hand-made ELF files for the refusals, this very program for symbols and provenance. */
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "agent/image/image.h"
#include "common/cleanup.h"
#include "common/file.h"

#define TEXT_BYTES 64
#define FLASH_BASE 0x00000000u
#define RAM_BASE 0x20000000u

/* A 32-bit ARM executable: a text segment in flash, and data with bss that is stored behind it. */
struct small_elf {
	Elf32_Ehdr header;
	Elf32_Phdr segments[2];
	uint8_t text[TEXT_BYTES];
	uint8_t data[16];
	uint8_t identity[8];
	uint8_t weights[32];
	char comment[16];
	char names[96];
	Elf32_Shdr sections[9];
};

static const char names[] =
	"\0.text\0.data\0.bss\0.stack\0.identity\0.weights\0.comment\0.shstrtab";

static uint32_t name_at(const char *name)
{
	for (uint32_t i = 0; i < sizeof(names); i++) {
		if (!strcmp(names + i, name))
			return i;
	}
	fail();
	return 0;
}

static void section(struct small_elf *e, size_t i, const char *name, uint32_t type, uint32_t flags,
	uint32_t address, uint32_t offset, uint32_t size)
{
	e->sections[i] = (Elf32_Shdr){.sh_name = name_at(name),
		.sh_type = type,
		.sh_flags = flags,
		.sh_addr = address,
		.sh_offset = offset,
		.sh_size = size,
		.sh_addralign = 1};
}

#define OFFSET(member) ((uint32_t)offsetof(struct small_elf, member))

static void make_small(struct small_elf *e)
{
	uint32_t stored = sizeof(e->text);

	memset(e, 0, sizeof(*e));
	memcpy(e->header.e_ident, ELFMAG, SELFMAG);
	e->header.e_ident[EI_CLASS] = ELFCLASS32;
	e->header.e_ident[EI_DATA] = ELFDATA2LSB;
	e->header.e_ident[EI_VERSION] = EV_CURRENT;
	e->header.e_type = ET_EXEC;
	e->header.e_machine = EM_ARM;
	e->header.e_version = EV_CURRENT;
	e->header.e_entry = FLASH_BASE + 9;
	e->header.e_phoff = OFFSET(segments);
	e->header.e_shoff = OFFSET(sections);
	e->header.e_ehsize = sizeof(Elf32_Ehdr);
	e->header.e_phentsize = sizeof(Elf32_Phdr);
	e->header.e_phnum = 2;
	e->header.e_shentsize = sizeof(Elf32_Shdr);
	e->header.e_shnum = 9;
	e->header.e_shstrndx = 8;
	e->segments[0] = (Elf32_Phdr){.p_type = PT_LOAD,
		.p_offset = OFFSET(text),
		.p_vaddr = FLASH_BASE,
		.p_paddr = FLASH_BASE,
		.p_filesz = sizeof(e->text),
		.p_memsz = sizeof(e->text),
		.p_flags = PF_R | PF_X};
	e->segments[1] = (Elf32_Phdr){.p_type = PT_LOAD,
		.p_offset = OFFSET(data),
		.p_vaddr = RAM_BASE,
		.p_paddr = FLASH_BASE + stored,
		.p_filesz = sizeof(e->data),
		.p_memsz = sizeof(e->data) + 100,
		.p_flags = PF_R | PF_W};
	for (size_t i = 0; i < sizeof(e->text); i++)
		e->text[i] = (uint8_t)i;
	memcpy(e->comment, "GCC: (x) 12.2.1", 16);
	memcpy(e->names, names, sizeof(names));
	section(e, 1, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, FLASH_BASE, OFFSET(text),
		64);
	section(e, 2, ".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, RAM_BASE, OFFSET(data), 16);
	section(e, 3, ".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, RAM_BASE + 16, OFFSET(data), 36);
	section(e, 4, ".stack", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, RAM_BASE + 52, OFFSET(data), 64);
	section(e, 5, ".identity", SHT_PROGBITS, SHF_ALLOC, 0x1000, OFFSET(identity), 8);
	section(e, 6, ".weights", SHT_PROGBITS, SHF_ALLOC, 0x2000, OFFSET(weights), 32);
	section(e, 7, ".comment", SHT_PROGBITS, 0, 0, OFFSET(comment), 16);
	section(e, 8, ".shstrtab", SHT_STRTAB, 0, 0, OFFSET(names), sizeof(names));
}

static struct board_config board(void)
{
	struct board_config b = {.name = "m55-1", .n_memory = 2};

	b.memory[0] = (struct memory_region){.name = "flash", .flash = true, .bytes = 0x4000};
	b.memory[1] = (struct memory_region){.name = "ram", .base = RAM_BASE, .bytes = 0x1000};
	return b;
}

static int parse(const struct small_elf *e, struct image **out, struct fault *f)
{
	return image_parse(e, sizeof(*e), "the image", out, f);
}

/* The parse is refused, with these words. */
static void refused(const void *data, size_t n, int error, const char *words)
{
	struct fault f = {0};
	struct image *image = NULL;

	assert_int_equal(image_parse(data, n, "the image", &image, &f), -error);
	assert_null(image);
	if (!strstr(f.text, words))
		fail_msg("'%s' does not say '%s'", f.text, words);
}

static void test_refuses_what_is_no_image(void **state)
{
	struct small_elf e;

	refused("", 0, ENOEXEC, "not an ELF file");
	refused("\177EL", 3, ENOEXEC, "not an ELF file");
	refused(":10000000", 9, ENOEXEC, "not a .bin or .hex");
	refused("\177ELF", 4, EINVAL, "header is damaged");
	make_small(&e);
	e.header.e_type = ET_REL;
	refused(&e, sizeof(e), EINVAL, "relocatable object");
	e.header.e_type = ET_CORE;
	refused(&e, sizeof(e), EINVAL, "no executable image");
	make_small(&e);
	e.header.e_phnum = 0;
	refused(&e, sizeof(e), EINVAL, "no loadable segment");
	make_small(&e);
	e.segments[0].p_filesz = 0x10000;
	e.segments[0].p_memsz = 0x10000;
	refused(&e, sizeof(e), EINVAL, "is cut short: segment 0");
	make_small(&e);
	e.segments[1].p_memsz = 8;
	refused(&e, sizeof(e), EINVAL, "segment 1 has more bytes in the file");
	make_small(&e);
	e.segments[1].p_vaddr = 0xFFFFFFF0;
	refused(&e, sizeof(e), EINVAL, "segment 1 runs over the end of the address space");
}

static void test_machine(void **state)
{
	struct board_config b = board();
	struct fault f = {0};
	struct small_elf e;
	struct image *image;

	make_small(&e);
	assert_int_equal(parse(&e, &image, &f), 0);
	assert_int_equal(image_check_machine(image, &b, &f), 0);
	assert_string_equal(image_machine(image), "ARM");
	b.exec = true;
	b.exec_kind = EXEC_LOCAL;
	assert_int_equal(image_check_machine(image, &b, &f), -EINVAL);
	image_close(image);

	b.exec = false;
	b.exec_kind = EXEC_NONE;
	e.header.e_machine = EM_X86_64;
	assert_int_equal(parse(&e, &image, &f), 0);
	assert_int_equal(image_check_machine(image, &b, &f), -EINVAL);
	assert_string_equal(f.text, "the image is for x86-64, board m55-1 is ARM");
	image_close(image);
}

static void test_core(void **state)
{
	struct board_config b = board();
	struct fault f = {0};
	struct small_elf e;
	struct image *image;

	make_small(&e);
	e.sections[6].sh_type = SHT_ARM_ATTRIBUTES;
	e.sections[6].sh_flags = 0;
	e.sections[6].sh_size = 18;
	memcpy(e.weights, "A\x11\0\0\0aeabi\0\1\7\0\0\0\6\x15", 18);
	assert_int_equal(parse(&e, &image, &f), 0);
	assert_int_equal(image_check_machine(image, &b, &f), 0);
	snprintf(b.mcu, sizeof(b.mcu), "nRF52840");
	snprintf(b.tags[b.n_tags++], sizeof(b.tags[0]), "ppk2");
	assert_int_equal(image_check_machine(image, &b, &f), 0);
	snprintf(b.tags[b.n_tags++], sizeof(b.tags[0]), "cortex-m4");
	assert_int_equal(image_check_machine(image, &b, &f), -EINVAL);
	assert_string_equal(f.text,
		"the image is built for ARMv8.1-M Mainline, board m55-1 has a cortex-m4: build it with "
		"-mcpu=cortex-m4");
	snprintf(b.mcu, sizeof(b.mcu), "Cortex-M55");
	assert_int_equal(image_check_machine(image, &b, &f), 0);
	image_close(image);
	memcpy(e.weights + 16, "\7A", 2);
	assert_int_equal(parse(&e, &image, &f), 0);
	assert_int_equal(image_check_machine(image, &b, &f), -EINVAL);
	assert_string_equal(
		f.text, "the image is for an application processor, board m55-1 has a Cortex-M55");
	image_close(image);
}

static void memory_refused(const struct small_elf *e, const char *words)
{
	struct board_config b = board();
	struct fault f = {0};
	struct image *image;

	assert_int_equal(parse(e, &image, &f), 0);
	assert_int_equal(image_check_memory(image, &b, &f), -EINVAL);
	if (!strstr(f.text, words))
		fail_msg("'%s' does not say '%s'", f.text, words);
	b.n_memory = 0;
	assert_int_equal(image_check_memory(image, &b, &f), 0);
	image_close(image);
}

static void test_memory(void **state)
{
	struct board_config b = board();
	struct fault f = {0};
	struct small_elf e;
	struct image *image;

	make_small(&e);
	assert_int_equal(parse(&e, &image, &f), 0);
	assert_int_equal(image_check_memory(image, &b, &f), 0);
	/* Two regions that touch hold a segment together. */
	b.memory[0].bytes = 32;
	b.memory[b.n_memory++] =
		(struct memory_region){.name = "more", .base = 32, .bytes = 0x4000};
	assert_int_equal(image_check_memory(image, &b, &f), 0);
	image_close(image);

	e.segments[0].p_paddr = 0x08000000;
	memory_refused(&e,
		"segment 0 of the image (0x08000000-0x0800003f, where it is loaded) "
		"lies outside the memory of board m55-1: flash 0x00000000-0x00003fff, "
		"ram 0x20000000-0x20000fff");
	make_small(&e);
	e.segments[1].p_memsz = 0x1001;
	memory_refused(&e, "segment 1 of the image (0x20000000-0x20001000, where it runs)");
}

static json_int_t number(json_t *doc, const char *key)
{
	return json_integer_value(json_object_get(doc, key));
}

static void test_footprint(void **state)
{
	struct fault f = {0};
	struct small_elf e;
	struct image *image;
	json_t *doc;

	make_small(&e);
	assert_int_equal(parse(&e, &image, &f), 0);
	doc = image_footprint(image);
	assert_int_equal(number(doc, "flash_bytes"), sizeof(e.text) + sizeof(e.data));
	assert_int_equal(number(doc, "ram_static_bytes"), 16 + 36); /* the stack is not static */
	assert_int_equal(number(doc, "weights_bytes"), 32);
	assert_int_equal(json_array_size(json_object_get(doc, "segments")), 2);
	assert_int_equal(json_array_size(json_object_get(doc, "sections")), 6);
	assert_string_equal(image_compiler(image), "GCC: (x) 12.2.1");
	assert_string_equal(image_flags(image), "");
	json_decref(doc);
	image_close(image);
}

static void code_hash(const struct small_elf *e, char out[65])
{
	struct fault f = {0};
	struct image *image;

	assert_int_equal(parse(e, &image, &f), 0);
	snprintf(out, 65, "%s", image_code_sha256(image));
	image_close(image);
}

static void test_code_hash_leaves_identity_out(void **state)
{
	char first[65], second[65];
	struct small_elf e;

	make_small(&e);
	code_hash(&e, first);
	assert_int_equal(strlen(first), 64);
	e.identity[3] = 0x55;
	e.comment[5] = 'y';
	code_hash(&e, second);
	assert_string_equal(first, second);
	e.text[40] ^= 1;
	code_hash(&e, second);
	assert_string_not_equal(first, second);
	make_small(&e);
	e.weights[0] ^= 1;
	code_hash(&e, second);
	assert_string_not_equal(first, second);
}

__attribute__((noinline)) static int a_function_to_find(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x + 1;
}

static uint64_t load_bias(void)
{
	extern const char __executable_start;

	return (uint64_t)(uintptr_t)&__executable_start;
}

static void test_this_program(void **state)
{
	struct board_config b = {.name = "pi5", .exec = true, .exec_kind = EXEC_LOCAL};
	char where[IMAGE_SYMBOL_BYTES];
	struct fault f = {0};
	struct image *image;
	uint64_t address = (uint64_t)(uintptr_t)a_function_to_find - load_bias();

	assert_int_equal(a_function_to_find(1), 2);
	assert_int_equal(image_open("/proc/self/exe", &image, &f), 0);
	assert_int_equal(image_check_machine(image, &b, &f), 0);
	assert_int_equal(image_check_memory(image, &b, &f), 0);
	assert_non_null(strstr(image_compiler(image), "GCC: ("));
	assert_non_null(strstr(image_flags(image), "-std=gnu11"));
	image_symbolise(image, address, where);
	assert_non_null(strstr(where, "a_function_to_find+0x0 (test_image.c:"));
	image_symbolise(image, address + 1, where);
	assert_non_null(strstr(where, "a_function_to_find+0x1 (test_image.c:"));
	image_symbolise(image, UINT64_MAX, where);
	assert_string_equal(where, "");
	image_close(image);
}

static void use(const void *data, size_t n)
{
	char where[IMAGE_SYMBOL_BYTES];
	struct board_config b = board();
	struct fault f = {0};
	struct image *image;

	if (image_parse(data, n, "the image", &image, &f)) {
		assert_string_not_equal(f.text, "");
		return;
	}
	json_decref(image_footprint(image));
	image_check_machine(image, &b, &f);
	image_check_memory(image, &b, &f);
	image_symbolise(image, 12, where);
	image_close(image);
}

/* Every byte of the headers with several values, every length: an answer, never a crash. */
static void test_damage_is_survived(void **state)
{
	static const uint8_t values[] = {0x00, 0x01, 0x7F, 0x80, 0xFF};
	struct small_elf good, bad;

	make_small(&good);
	for (size_t i = 0; i < sizeof(good); i++) {
		for (size_t k = 0; k < sizeof(values); k++) {
			bad = good;
			((uint8_t *)&bad)[i] = values[k];
			use(&bad, sizeof(bad));
		}
		use(&good, i);
	}
}

/* A real program with DWARF, damaged in seeded places. */
static void test_damaged_dwarf_is_survived(void **state)
{
	_cleanup_free_ char *data = NULL;
	struct fault f = {0};
	uint32_t seed = 12345;
	size_t n;

	assert_int_equal(file_read("/proc/self/exe", 64 << 20, &data, &n, &f), 0);
	for (int round = 0; round < 40; round++) {
		for (int i = 0; i < 200; i++) {
			seed = seed * 1664525u + 1013904223u;
			data[seed % n] = (char)(seed >> 24);
		}
		memcpy(data, ELFMAG, SELFMAG);
		use(data, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refuses_what_is_no_image),
		cmocka_unit_test(test_machine),
		cmocka_unit_test(test_core),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_footprint),
		cmocka_unit_test(test_code_hash_leaves_identity_out),
		cmocka_unit_test(test_this_program),
		cmocka_unit_test(test_damage_is_survived),
		cmocka_unit_test(test_damaged_dwarf_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
