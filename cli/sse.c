#include "cli/sse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void sse_init(struct sse *s, int (*on_event)(void *arg, const struct sse_event *event), void *arg)
{
	*s = (struct sse){
		.line = BUFFER_INIT(SSE_EVENT_MAX_BYTES),
		.data = BUFFER_INIT(SSE_EVENT_MAX_BYTES),
		.on_event = on_event,
		.arg = arg,
	};
}

void sse_done(struct sse *s)
{
	buffer_done(&s->line);
	buffer_done(&s->data);
}

void sse_restart(struct sse *s)
{
	buffer_clear(&s->line);
	buffer_clear(&s->data);
	s->name[0] = '\0';
	memcpy(s->next_id, s->id, sizeof(s->id));
	s->has_data = s->after_cr = false;
}

static int dispatch(struct sse *s)
{
	struct sse_event event = {
		.name = s->name[0] ? s->name : "message",
		.id = s->id,
		.data = s->data.data ? s->data.data : "",
		.n = s->data.n,
	};
	int err;

	memcpy(s->id, s->next_id, sizeof(s->id));
	err = s->has_data ? s->on_event(s->arg, &event) : 0;

	buffer_clear(&s->data);
	s->name[0] = '\0';
	s->has_data = false;
	return err;
}

/* A line without its end. Names and ids too long for their place are cut: none of ours are. */
static int take_line(struct sse *s)
{
	char *line = s->line.data ? s->line.data : "";
	char *colon, *value;
	int err = 0;

	if (!*line)
		return dispatch(s);
	colon = strchr(line, ':');
	value = colon ? colon + 1 : line + strlen(line);
	if (colon)
		*colon = '\0';
	if (*value == ' ')
		value++;
	if (!strcmp(line, "data")) {
		if (s->has_data)
			err = buffer_add(&s->data, "\n", 1);
		if (!err)
			err = buffer_add_text(&s->data, value);
		s->has_data = true;
	} else if (!strcmp(line, "event")) {
		snprintf(s->name, sizeof(s->name), "%s", value);
	} else if (!strcmp(line, "id")) {
		snprintf(s->next_id, sizeof(s->next_id), "%s", value);
	}
	return err;
}

int sse_feed(struct sse *s, const char *data, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t k = i;
		int err;

		if (s->after_cr && data[i] == '\n') {
			s->after_cr = false;
			i++;
			continue;
		}
		s->after_cr = false;
		while (k < n && data[k] != '\r' && data[k] != '\n')
			k++;
		err = buffer_add(&s->line, data + i, k - i);
		if (!err && k < n) {
			s->after_cr = data[k] == '\r';
			err = take_line(s);
			buffer_clear(&s->line);
		}
		if (err)
			return err;
		i = k + 1;
	}
	return 0;
}
