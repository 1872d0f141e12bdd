#include "server/auth/token.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define PREFIX_CHARS 6
#define SECRET_BYTES 32

static const char *const prefixes[] = {[TOKEN_ACCESS] = "hilda_", [TOKEN_ENROLMENT] = "enrol_"};

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

void token_make(enum token_kind kind, char text[TOKEN_TEXT_BYTES], struct token_parts *parts)
{
	uint8_t secret[SECRET_BYTES], public[TOKEN_PUBLIC_CHARS];
	char words[TOKEN_SECRET_CHARS + 1];

	randombytes_buf(secret, sizeof(secret));
	randombytes_buf(public, sizeof(public));
	for (size_t i = 0; i < TOKEN_PUBLIC_CHARS; i++)
		parts->public[i] = alphabet[public[i] % 32];
	parts->public[TOKEN_PUBLIC_CHARS] = 0;
	sodium_bin2base64(words, sizeof(words), secret, sizeof(secret),
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	snprintf(text, TOKEN_TEXT_BYTES, "%s%s_%s", prefixes[kind], parts->public, words);
	crypto_hash_sha256(parts->hash, (const uint8_t *)words, TOKEN_SECRET_CHARS);
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(words, sizeof(words));
}

bool token_parse(enum token_kind kind, const char *text, struct token_parts *parts)
{
	static const char base64url[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *public = text + PREFIX_CHARS, *secret = public + TOKEN_PUBLIC_CHARS + 1;

	if (strlen(text) != TOKEN_TEXT_BYTES - 1 ||
		strncmp(text, prefixes[kind], PREFIX_CHARS) != 0 ||
		strspn(public, alphabet) != TOKEN_PUBLIC_CHARS || secret[-1] != '_' ||
		strspn(secret, base64url) != TOKEN_SECRET_CHARS)
		return false;
	memcpy(parts->public, public, TOKEN_PUBLIC_CHARS);
	parts->public[TOKEN_PUBLIC_CHARS] = 0;
	crypto_hash_sha256(parts->hash, (const uint8_t *)secret, TOKEN_SECRET_CHARS);
	return true;
}

bool token_same(const uint8_t a[TOKEN_HASH_BYTES], const uint8_t b[TOKEN_HASH_BYTES])
{
	return sodium_memcmp(a, b, TOKEN_HASH_BYTES) == 0;
}
