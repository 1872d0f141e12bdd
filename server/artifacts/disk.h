/* What a write to a file of the data folder came to, as the rest of the server knows it. Pure. */
#ifndef HILDA_SERVER_ARTIFACTS_DISK_H
#define HILDA_SERVER_ARTIFACTS_DISK_H

#include <errno.h>

/* A quota or a limit of file sizes is a full disk to a peer: it may come again, which EFBIG is not. */
static inline int disk_rc(int rc)
{
	return rc == -EFBIG || rc == -EDQUOT ? -ENOSPC : rc;
}

#endif
