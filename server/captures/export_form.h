/* What a form of export is made of. Private to server/captures. */
#ifndef HILDA_SERVER_CAPTURES_EXPORT_FORM_H
#define HILDA_SERVER_CAPTURES_EXPORT_FORM_H

#include "server/captures/export.h"

struct export
{
	struct walk *walk;
	int (*more)(struct export * e, struct buffer * out);
	void (*done)(struct export * e); /* frees all but the walk */
};

#endif
