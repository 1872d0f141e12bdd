/*
 * hilda-shim PARENT PROGRAM ARG...: makes sure that PROGRAM dies with its parent, then becomes it.
 * The kernel sends SIGKILL when the parent's thread ends; a parent that ended before prctl is seen
 * by comparing its pid. Static and small, since it starts for every child.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char parent[16];

	if (argc < 3) {
		fprintf(stderr, "usage: hilda-shim PARENT-PID PROGRAM [ARG...]\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(parent, sizeof(parent), "%ld", (long)getppid());
	if (strcmp(parent, argv[1]))
		return 125;
	execvp(argv[2], argv + 2);
	fprintf(stderr, "hilda-shim: cannot start %s: %s\n", argv[2], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}
