/*
 * A token's text. `hilda_PUBLIC_SECRET` (`enrol_...` for one that only buys an agent's token, once): 12 characters by which it is found, 43 of
 * base64url that are 256 random bits. The secret is kept as its SHA-256 only. Pure but for the random
 * bits; any thread.
 */
#ifndef HILDA_SERVER_AUTH_TOKEN_H
#define HILDA_SERVER_AUTH_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#define TOKEN_PUBLIC_CHARS 12
#define TOKEN_SECRET_CHARS 43
#define TOKEN_HASH_BYTES 32
#define TOKEN_TEXT_BYTES (6 + TOKEN_PUBLIC_CHARS + 1 + TOKEN_SECRET_CHARS + 1)
#define TOKEN_NAME_MAX 64

struct token_parts {
	char public[TOKEN_PUBLIC_CHARS + 1];
	uint8_t hash[TOKEN_HASH_BYTES];
};

enum token_kind { TOKEN_ACCESS, TOKEN_ENROLMENT };

void token_make(enum token_kind kind, char text[TOKEN_TEXT_BYTES], struct token_parts *parts);
/* Is it the text of a token of this kind? */
bool token_parse(enum token_kind kind, const char *text, struct token_parts *parts);
/* In a time that does not depend on where they differ. */
bool token_same(const uint8_t a[TOKEN_HASH_BYTES], const uint8_t b[TOKEN_HASH_BYTES]);

#endif
