#include "agent/image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/image/elf_parts.h"
#include "common/cleanup.h"
#include "common/file.h"

#define IMAGE_READ_BYTES (64 * 1024)

const char *image_section_name(const struct image *image, const GElf_Shdr *section)
{
	const char *name =
		image->names ? elf_strptr(image->elf, image->names, section->sh_name) : NULL;

	return name ? name : "";
}

void image_each_symbol(const struct image *image,
	void (*fn)(void *arg, const GElf_Shdr *table, const GElf_Sym *symbol), void *arg)
{
	for (size_t i = 1; i < image->n_sections; i++) {
		Elf_Scn *scn = elf_getscn(image->elf, i);
		Elf_Data *data;
		GElf_Shdr s;

		if (!scn || !gelf_getshdr(scn, &s) || s.sh_type != SHT_SYMTAB || !s.sh_entsize)
			continue;
		data = elf_getdata(scn, NULL);
		for (size_t k = 0; data && k < data->d_size / s.sh_entsize && k < IMAGE_SYMBOLS_MAX;
			k++) {
			GElf_Sym symbol;

			if (gelf_getsym(data, (int)k, &symbol))
				fn(arg, &s, &symbol);
		}
	}
}

const uint8_t *image_section_bytes(const struct image *image, const GElf_Shdr *section)
{
	if (section->sh_type == SHT_NOBITS || section->sh_size == 0)
		return NULL;
	if (section->sh_offset > image->n || section->sh_size > image->n - section->sh_offset)
		return NULL;
	return image->data + section->sh_offset;
}

/* The four things that make a file unfit before anything in it is followed. */
static int check_header(struct image *image, struct fault *f)
{
	const GElf_Ehdr *h = &image->header;

	if (h->e_type == ET_REL)
		return fault_set(f, EINVAL,
			"%s is a relocatable object (.o), not a linked image: link it first",
			image->name);
	if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
		return fault_set(f, EINVAL, "%s has ELF type %u, which is no executable image",
			image->name, h->e_type);
	return 0;
}

static int add_segment(struct image *image, size_t index, const GElf_Phdr *p, struct fault *f)
{
	uint64_t top = gelf_getclass(image->elf) == ELFCLASS32 ? UINT32_MAX : UINT64_MAX;

	if (p->p_offset > image->n || p->p_filesz > image->n - p->p_offset)
		return fault_set(f, EINVAL,
			"%s is cut short: segment %zu ends at byte %" PRIu64
			", the file has %zu bytes",
			image->name, index, p->p_offset + p->p_filesz, image->n);
	if (p->p_filesz > p->p_memsz)
		return fault_set(f, EINVAL,
			"%s: segment %zu has more bytes in the file (%" PRIu64
			") than in memory (%" PRIu64 ")",
			image->name, index, p->p_filesz, p->p_memsz);
	if (p->p_memsz && (p->p_memsz - 1 > top - p->p_vaddr || p->p_memsz - 1 > top - p->p_paddr))
		return fault_set(f, EINVAL,
			"%s: segment %zu runs over the end of the address space", image->name,
			index);
	if (p->p_memsz == 0)
		return 0;
	image->segments[image->n_segments++] = (struct image_segment){
		.vaddr = p->p_vaddr,
		.paddr = p->p_paddr,
		.file_bytes = p->p_filesz,
		.memory_bytes = p->p_memsz,
		.offset = p->p_offset,
		.flags = p->p_flags,
	};
	return 0;
}

static int read_segments(struct image *image, struct fault *f)
{
	uint64_t loaded_bytes = 0;
	size_t n;
	int r;

	if (elf_getphdrnum(image->elf, &n))
		return fault_set(f, EINVAL, "%s: its program headers cannot be read: %s",
			image->name, elf_errmsg(-1));
	if (n > IMAGE_SEGMENTS_MAX)
		return fault_set(f, EFBIG, "%s has %zu program headers; at most %d are accepted",
			image->name, n, IMAGE_SEGMENTS_MAX);
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr p;

		if (!gelf_getphdr(image->elf, (int)i, &p))
			return fault_set(f, EINVAL, "%s: program header %zu cannot be read: %s",
				image->name, i, elf_errmsg(-1));
		if (p.p_type != PT_LOAD)
			continue;
		r = add_segment(image, i, &p, f);
		if (r < 0)
			return r;
		loaded_bytes += p.p_filesz;
	}
	if (image->n_segments == 0 || loaded_bytes == 0)
		return fault_set(f, EINVAL,
			"%s has no loadable segment: there is nothing to put on a board",
			image->name);
	return 0;
}

/* Without sections an image can still run: it only tells less. */
static int read_sections(struct image *image, struct fault *f)
{
	size_t n = 0;

	if (elf_getshdrnum(image->elf, &n) || n == 0)
		return 0;
	if (n > IMAGE_SECTIONS_MAX)
		return fault_set(f, EFBIG, "%s has %zu sections; at most %d are accepted",
			image->name, n, IMAGE_SECTIONS_MAX);
	image->n_sections = n;
	if (elf_getshdrstrndx(image->elf, &image->names))
		image->names = 0;
	return 0;
}

static int parse(struct image *image, struct fault *f)
{
	int r;

	if (image->n < SELFMAG || memcmp(image->data, ELFMAG, SELFMAG))
		return fault_set(f, ENOEXEC,
			"%s is not an ELF file: upload the linker's output, not a .bin or .hex",
			image->name);
	if (elf_version(EV_CURRENT) == EV_NONE)
		return fault_set(f, ENOTSUP, "libelf: %s", elf_errmsg(-1));
	image->elf = elf_memory((char *)image->data, image->n);
	if (!image->elf || elf_kind(image->elf) != ELF_K_ELF ||
		!gelf_getehdr(image->elf, &image->header))
		return fault_set(f, EINVAL, "%s starts like an ELF file, but its header is damaged",
			image->name);
	r = check_header(image, f);
	if (!r)
		r = read_segments(image, f);
	if (!r)
		r = read_sections(image, f);
	if (r)
		return r;
	image_read_provenance(image);
	return 0;
}

static int finish(struct image *image, struct image **out, struct fault *f)
{
	int r = parse(image, f);

	if (r) {
		image_close(image);
		return r;
	}
	*out = image;
	return 0;
}

static struct image *image_new(const char *name)
{
	struct image *image = calloc(1, sizeof(*image));

	if (image)
		image->name = strdup(name);
	if (image && !image->name) {
		free(image);
		return NULL;
	}
	return image;
}

int image_parse(const void *data, size_t n, const char *name, struct image **out, struct fault *f)
{
	struct image *image = image_new(name);

	if (image)
		image->data = malloc(n ? n : 1);
	if (!image || !image->data) {
		image_close(image);
		return fault_set(f, ENOMEM, "%s: out of memory", name);
	}
	memcpy(image->data, data, n);
	image->n = n;
	return finish(image, out, f);
}

static int map_file(int fd, size_t n, uint8_t **data)
{
	void *at = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	*data = at == MAP_FAILED ? NULL : at;
	return *data ? 0 : -errno;
}

static int read_file(int fd, size_t n, uint8_t **data)
{
	size_t have = 0;

	*data = malloc(n);
	while (*data && have < n) {
		ssize_t k = pread(fd, *data + have, n - have, (off_t)have);

		if (k == 0)
			return -EIO; /* it was cut while it was read */
		if (k < 0 && errno != EINTR)
			return -errno;
		have += k > 0 ? (size_t)k : 0;
	}
	return *data ? 0 : -ENOMEM;
}

int image_open(const char *path, struct image **out, struct fault *f)
{
	_cleanup_(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct image *image;
	struct stat st;
	int rc;

	if (fd < 0 || fstat(fd, &st))
		return fault_errno(f, errno, "image %s", path);
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return fault_set(f, ENOEXEC, "image %s is empty or not a regular file", path);
	if (st.st_size > IMAGE_MAX_BYTES)
		return fault_set(f, EFBIG, "image %s has %jd bytes; at most %u are accepted", path,
			(intmax_t)st.st_size, IMAGE_MAX_BYTES);
	image = image_new("the image");
	if (!image)
		return fault_set(f, ENOMEM, "image %s: out of memory", path);
	/* To unmap a file costs every processor a message; a small one is read. */
	image->mapped = st.st_size > IMAGE_READ_BYTES;
	rc = image->mapped ? map_file(fd, (size_t)st.st_size, &image->data)
			   : read_file(fd, (size_t)st.st_size, &image->data);
	if (rc) {
		image->mapped = false;
		image_close(image);
		return fault_errno(f, -rc, "image %s", path);
	}
	image->n = (size_t)st.st_size;
	return finish(image, out, f);
}

void image_close(struct image *image)
{
	if (!image)
		return;
	if (image->dwarf)
		dwarf_end(image->dwarf);
	if (image->elf)
		elf_end(image->elf);
	if (image->mapped)
		munmap(image->data, image->n);
	else
		free(image->data);
	free(image->name);
	free(image);
}

const char *image_compiler(const struct image *image)
{
	return image->compiler;
}

const char *image_flags(const struct image *image)
{
	return image->flags;
}

const char *image_code_sha256(const struct image *image)
{
	return image->code_sha256;
}
