#include "common/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/hex.h"

#define BLOCK_BYTES 65536

void sha256_init(struct sha256 *s)
{
	crypto_hash_sha256_init(&s->state);
}

void sha256_update(struct sha256 *s, const void *data, size_t n)
{
	crypto_hash_sha256_update(&s->state, data, n);
}

void sha256_final_hex(struct sha256 *s, char out[SHA256_HEX_BYTES])
{
	unsigned char digest[crypto_hash_sha256_BYTES];

	crypto_hash_sha256_final(&s->state, digest);
	hex_encode(digest, sizeof(digest), out);
}

void sha256_hex(const void *data, size_t n, char out[SHA256_HEX_BYTES])
{
	struct sha256 s;

	sha256_init(&s);
	sha256_update(&s, data, n);
	sha256_final_hex(&s, out);
}

int sha256_file(
	const char *path, char out[SHA256_HEX_BYTES], unsigned long long *bytes, struct fault *f)
{
	_cleanup_(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *block = malloc(BLOCK_BYTES);
	unsigned long long total = 0;
	struct sha256 s;
	ssize_t n;

	if (fd < 0)
		return fault_errno(f, errno, "cannot read %s", path);
	if (!block)
		return fault_errno(f, ENOMEM, "cannot hash %s", path);
	sha256_init(&s);
	while ((n = read(fd, block, BLOCK_BYTES)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fault_errno(f, errno, "cannot read %s", path);
		sha256_update(&s, block, (size_t)n);
		total += (unsigned long long)n;
	}
	sha256_final_hex(&s, out);
	if (bytes)
		*bytes = total;
	return 0;
}
