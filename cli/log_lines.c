#include "cli/log_lines.h"

#include <string.h>

#include "cli/escape.h"
#include "cli/get.h"

void log_lines_init(struct log_lines *l, FILE *out, bool json)
{
	*l = (struct log_lines){.out = out, .json = json};
	for (int i = 0; i < LOG_LINES_STREAMS; i++)
		l->streams[i].text = BUFFER_INIT(LOG_LINES_MAX_BYTES);
}

static void flush(struct log_lines *l, int i)
{
	struct buffer *b = &l->streams[i].text;
	size_t n = b->n;

	if (n && b->data[n - 1] == '\r')
		n--;
	fprintf(l->out, "%10.6f ", (double)l->streams[i].t_us / 1e6);
	escape_print(l->out, l->streams[i].name, strlen(l->streams[i].name), false);
	fputs(": ", l->out);
	escape_print(l->out, b->data ? b->data : "", n, false);
	fputc('\n', l->out);
	buffer_clear(b);
}

/* The stream's place; more streams than there are share the last one. */
static int stream_of(struct log_lines *l, const char *name)
{
	int i = 0;

	while (i < LOG_LINES_STREAMS - 1 && l->streams[i].name[0] &&
		strcmp(l->streams[i].name, name))
		i++;
	snprintf(l->streams[i].name, sizeof(l->streams[i].name), "%s", name);
	return i;
}

void log_lines_add(struct log_lines *l, const json_t *record)
{
	const char *p = get_text(record, "text");
	int i;

	if (l->json) {
		json_dumpf(record, l->out, JSON_COMPACT);
		fputc('\n', l->out);
		return;
	}
	i = stream_of(l, get_text(record, "stream"));
	while (*p) {
		size_t n = strcspn(p, "\n");
		struct buffer *b = &l->streams[i].text;

		if (!b->n)
			l->streams[i].t_us = get_i64(record, "t_us");
		if (buffer_add(b, p, n)) {
			/* Too long a line: what is there goes out, and the rest in pieces. */
			if (b->n)
				flush(l, i);
			n = n < LOG_LINES_MAX_BYTES ? n : LOG_LINES_MAX_BYTES;
			buffer_add(b, p, n);
			if (p[n] != '\n')
				flush(l, i);
		}
		p += n;
		if (*p == '\n') {
			flush(l, i);
			p++;
		}
	}
	/* What goes to the device ends in %, not in a line feed; each record is one command. */
	if (!strcmp(l->streams[i].name, "input") && l->streams[i].text.n)
		flush(l, i);
}

void log_lines_end(struct log_lines *l)
{
	for (int i = 0; i < LOG_LINES_STREAMS; i++) {
		if (l->streams[i].text.n)
			flush(l, i);
		buffer_done(&l->streams[i].text);
		l->streams[i].text = BUFFER_INIT(LOG_LINES_MAX_BYTES);
	}
}
