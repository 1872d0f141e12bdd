/* What a caller may do: the scope that a route asks for, and those that a token has. Pure. */
#ifndef HILDA_SERVER_AUTH_SCOPE_H
#define HILDA_SERVER_AUTH_SCOPE_H

#include <stdbool.h>

#include "common/fault.h"

enum scope { SCOPE_PUBLIC, SCOPE_READ, SCOPE_SUBMIT, SCOPE_AGENT, SCOPE_ADMIN };

const char *scope_name(enum scope scope);

#define SCOPE_BIT(scope) (1u << (scope))
#define SCOPE_ALL                                                                   \
	(SCOPE_BIT(SCOPE_READ) | SCOPE_BIT(SCOPE_SUBMIT) | SCOPE_BIT(SCOPE_AGENT) | \
		SCOPE_BIT(SCOPE_ADMIN))

/* "submit,read" to bits; the fault names a word that is no scope, and those that are. */
int scopes_parse(const char *text, unsigned *bits, struct fault *f);
#define SCOPES_TEXT_BYTES 32
void scopes_print(unsigned bits, char text[SCOPES_TEXT_BYTES]);
/* admin may do all but an agent's work; every other scope is only itself. */
bool scopes_allow(unsigned bits, enum scope wanted);

#endif
