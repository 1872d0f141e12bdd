#include "server/auth/scope.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"

const char *scope_name(enum scope scope)
{
	static const char *const names[] = {
		[SCOPE_PUBLIC] = "public",
		[SCOPE_READ] = "read",
		[SCOPE_SUBMIT] = "submit",
		[SCOPE_AGENT] = "agent",
		[SCOPE_ADMIN] = "admin",
	};

	return names[scope];
}

static const enum scope given[] = {SCOPE_READ, SCOPE_SUBMIT, SCOPE_AGENT, SCOPE_ADMIN};

static unsigned bit_of(const char *word, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(given); i++) {
		const char *name = scope_name(given[i]);

		if (strlen(name) == n && memcmp(name, word, n) == 0)
			return SCOPE_BIT(given[i]);
	}
	return 0;
}

int scopes_parse(const char *text, unsigned *bits, struct fault *f)
{
	*bits = 0;
	for (const char *at = text;;) {
		size_t n = strcspn(at, ",");
		unsigned bit = bit_of(at, n);

		if (!bit)
			return fault_set(f, EINVAL,
				"'%.*s' is no scope; scopes are read, submit, agent, admin, with commas between",
				(int)(n < 64 ? n : 64), at);
		*bits |= bit;
		if (!at[n])
			return 0;
		at += n + 1;
	}
}

void scopes_print(unsigned bits, char text[SCOPES_TEXT_BYTES])
{
	size_t n = 0;

	text[0] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(given); i++) {
		if (bits & SCOPE_BIT(given[i]))
			n += (size_t)snprintf(text + n, SCOPES_TEXT_BYTES - n, "%s%s", n ? "," : "",
				scope_name(given[i]));
	}
}

bool scopes_allow(unsigned bits, enum scope wanted)
{
	if (wanted == SCOPE_PUBLIC || bits & SCOPE_BIT(wanted))
		return true;
	return wanted != SCOPE_AGENT && bits & SCOPE_BIT(SCOPE_ADMIN);
}
