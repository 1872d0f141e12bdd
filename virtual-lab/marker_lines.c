#include "virtual-lab/marker_lines.h"

#include <stdlib.h>

#include "common/numbers.h"

#define ROOM_FIRST 64

void marker_lines_init(struct marker_lines *m, marker_block_fn give, void *arg)
{
	*m = (struct marker_lines){.give = give, .arg = arg};
	bench_decoder_init(&m->decoder);
}

void marker_lines_done(struct marker_lines *m)
{
	free(m->records);
	m->records = NULL;
	m->n = m->room = 0;
}

void marker_lines_drop(struct marker_lines *m)
{
	bench_decoder_init(&m->decoder);
	m->n = 0;
	m->broken = false;
}

static bool make_room(struct marker_lines *m)
{
	size_t room = m->room ? 2 * m->room : ROOM_FIRST;
	struct marker *records;

	if (m->n < m->room)
		return true;
	if (m->n == MARKER_RECORDS_MAX)
		return false;
	records = realloc(m->records, room * sizeof(*records));
	if (!records)
		return false;
	m->records = records;
	m->room = room;
	return true;
}

static bool number(const struct bench_event *ev, const char *key, uint64_t max, uint64_t *out)
{
	const char *text = bench_event_get(ev, key);

	return text && !number_u64(text, 0, max, out);
}

static bool add(struct marker_lines *m, const struct bench_event *ev)
{
	uint64_t state, tick;

	if (ev->seq != m->n || !number(ev, "s", MARKER_STATE_MAX, &state) ||
		!number(ev, "t", UINT64_MAX, &tick) || !make_room(m))
		return false;
	if (m->n && tick < m->records[m->n - 1].tick)
		return false;
	m->records[m->n++] = (struct marker){.tick = tick, .state = (uint8_t)state};
	return true;
}

static void end(struct marker_lines *m, const struct bench_event *ev)
{
	uint64_t lines;

	if (m->broken || ev->seq != m->n || !number(ev, "lines", UINT32_MAX, &lines) ||
		lines != m->n)
		m->refused++;
	else if (m->n) {
		m->give(m->arg, m->records, m->n);
		m->given++;
	}
	m->n = 0;
	m->broken = false;
}

static void take(struct marker_lines *m, const struct bench_event *ev)
{
	/* A damaged line is a hole in the sequence. */
	if (ev->kind == BENCH_RECORD && ev->type == 'K') {
		/* A first record is a new beginning, whatever stood before it. */
		if (!ev->seq) {
			m->n = 0;
			m->broken = false;
		}
		m->broken |= !add(m, ev);
	} else if (ev->kind == BENCH_RECORD && ev->type == 'E') {
		end(m, ev);
	}
}

void marker_lines_feed(struct marker_lines *m, const void *data, size_t n)
{
	const uint8_t *at = data;
	struct bench_event ev;
	size_t used;

	while ((used = bench_decoder_feed(&m->decoder, at, n, &ev)), ev.kind != BENCH_NONE) {
		at += used;
		n -= used;
		take(m, &ev);
	}
}
