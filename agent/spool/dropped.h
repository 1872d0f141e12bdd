/*
 * A run's capture that will not reach the server: too large, refused, or no room on this disk. Its
 * file goes; log and result say why, and the result goes on. Any thread; calls wait for the disk.
 */
#ifndef HILDA_AGENT_SPOOL_DROPPED_H
#define HILDA_AGENT_SPOOL_DROPPED_H

#include "agent/spool/spool.h"

/*
 * In a result's text, malloc'd, which is changed for another: energy.capture.dropped. Text without
 * such a member, or that says why already, stays as it is. -ENOMEM.
 */
int dropped_say(char **text, const char *why);
/* Whether a result tells of a capture that is to come: one with bytes, not said to be dropped. */
bool dropped_is_promised(const char *text);
/* All of it, once, for a run whose result is in the spool; *text is that result. */
int dropped_capture(struct spool *s, const struct spool_entry *e, const char *why, char **text,
	struct fault *f);

#endif
