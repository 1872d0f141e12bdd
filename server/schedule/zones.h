/*
 * Time zones by their IANA names, from the files of Debian's tzdata. Any thread; waits for the disk.
 */
#ifndef HILDA_SERVER_SCHEDULE_ZONES_H
#define HILDA_SERVER_SCHEDULE_ZONES_H

#include "common/fault.h"
#include "server/schedule/zone.h"

#define ZONES_FOLDER "/usr/share/zoneinfo"
#define ZONES_NAME_BYTES 65 /* with the NUL */
#define ZONES_NEAR 4

/* Names that would have done, the nearest first; "" behind the last. */
struct zones_near {
	char names[ZONES_NEAR][ZONES_NAME_BYTES];
};

/*
 * -EINVAL with words and near names (near may be NULL) when there is no such zone. folder is
 * ZONES_FOLDER but in tests.
 */
int zones_load(const char *folder, const char *name, struct zone **out, struct zones_near *near,
	struct fault *f);

#endif
