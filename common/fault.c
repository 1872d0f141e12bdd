#include "common/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int fill(struct fault *f, int error, const char *format, va_list args)
{
	char text[FAULT_TEXT_BYTES]; /* the arguments may be f's own words */

	if (f) {
		vsnprintf(text, sizeof(text), format, args);
		f->error = error;
		memcpy(f->text, text, strlen(text) + 1);
	}
	return -error;
}

int fault_set(struct fault *f, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill(f, error, format, args);
	va_end(args);
	return -error;
}

int fault_errno(struct fault *f, int error, const char *format, ...)
{
	va_list args;
	size_t n;

	va_start(args, format);
	fill(f, error, format, args);
	va_end(args);
	if (f) {
		n = strlen(f->text);
		snprintf(f->text + n, sizeof(f->text) - n, ": %s", strerror(error));
	}
	return -error;
}

int fault_wrap(struct fault *f, const char *format, ...)
{
	char context[FAULT_TEXT_BYTES / 2];
	char text[FAULT_TEXT_BYTES];
	va_list args;
	size_t n;

	if (!f)
		return 0;
	va_start(args, format);
	vsnprintf(context, sizeof(context), format, args);
	va_end(args);
	memcpy(text, f->text, sizeof(text));
	n = (size_t)snprintf(f->text, sizeof(f->text), "%s: ", context);
	snprintf(f->text + n, sizeof(f->text) - n, "%.*s", (int)(sizeof(text) - n - 1), text);
	return -f->error;
}
