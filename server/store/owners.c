#include "server/store/owners.h"

#include <errno.h>
#include <string.h>

int owner_check(struct store_op *op, const char *limit, const char *owner, const char *what)
{
	if (!limit || strcmp(owner, limit) == 0)
		return 0;
	return fault_set(&op->fault, EACCES,
		"%.100s is %.64s's: only its owner and scope 'admin' may change it", what,
		*owner ? owner : "nobody");
}

int owner_check_row(
	struct store_op *op, const char *limit, int rc, sqlite3_stmt **q, const char *what)
{
	if (rc > 0)
		rc = owner_check(op, limit, sql_text(*q, 0), what);
	sql_end(q);
	return rc;
}
