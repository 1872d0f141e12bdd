/*
 * May this request do what it asks for? The one place where callers are told apart: by a token in the
 * header `Authorization: Bearer`, by a browser's cookie, or by the key of this host's own commands
 * (DATA/local.key, which only the server's user can read). On the connection's thread, before the body.
 */
#ifndef HILDA_SERVER_AUTH_AUTH_H
#define HILDA_SERVER_AUTH_AUTH_H

#include "server/auth/failures.h"
#include "server/auth/identities.h"
#include "server/auth/sessions.h"
#include "server/http/head.h"

struct auth {
	bool required; /* false: whoever reaches the server may do everything */
	struct identities *identities;
	struct failures failures;
	struct sessions sessions;
	char key[SESSION_WORD_BYTES]; /* this host's own */
};

int auth_open(struct store *store, bool required, const struct rate *rate, struct auth **out,
	struct fault *f);
void auth_close(struct auth *auth); /* accepts NULL */

/* Sets r->who and r->audit. False: answered with 401, 403 or 429. Needs r->route. */
bool auth_admit(struct request *r, const struct head *h, const char *method);

/* Who the cookie belongs to; false: nobody. */
bool auth_session(struct request *r, const char *cookie, struct session *out);
#define AUTH_COOKIE "hilda_session"

/* Not after too many failures of its address; false: answered with 429. */
bool auth_may_try(struct request *r);
void auth_note_failure(struct request *r);

/* The token's time is over, and the route lasts: a run that has begun may end. */
bool auth_is_over(const struct request *r);
bool auth_refuse_expired(struct request *r); /* answers; false */

/*
 * A change to the tokens that a request makes. `then` of a request whose caller is gone is never called, so
 * that auth_change_done, which ends with its state, reads the tokens anew where auth_changed did not.
 */
struct auth_change {
	struct identities *identities;
	const struct store_op *op; /* NULL: nothing was begun, or all is known */
};
void auth_change_begin(struct auth_change *c, struct request *r, const struct store_op *op);
/* After the commit. False: answered; the change is kept, but this server does not know it yet. */
bool auth_changed(struct auth_change *c, struct request *r);
void auth_change_done(struct auth_change *c);

/* Whose jobs this caller may change; NULL: everybody's. */
const char *auth_owner_limit(const struct request *r);

#endif
