/* Who built this image, and from what; in a section of its own that a code hash can leave out. */
#ifndef CORE_IDENTITY_H
#define CORE_IDENTITY_H

struct identity {
	char version[16];
	char git[44];
	char toolchain[20]; /* hash of the compiler's version and flags */
};

extern const struct identity identity;

#endif
