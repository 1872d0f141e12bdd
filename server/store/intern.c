#include "server/store/intern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/store/capability.h"
#include "server/store/json_out.h"

#define DEMAND_MAX_BYTES 16384 /* words and their number have limits of their own */

static size_t bucket_of_text(const char *text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return h & (INTERN_BUCKETS - 1);
}

static size_t bucket_of_id(int64_t id)
{
	return (uint64_t)id & (INTERN_BUCKETS - 1);
}

struct intern_entry *intern_find_text(struct intern_table *t, const char *text)
{
	struct intern_entry *e = t->by_text[bucket_of_text(text)];

	while (e && strcmp(e->text, text))
		e = e->next_by_text;
	return e;
}

struct intern_entry *intern_find_id(struct intern_table *t, int64_t id)
{
	struct intern_entry *e = t->by_id[bucket_of_id(id)];

	while (e && e->id != id)
		e = e->next_by_id;
	return e;
}

static void entry_free(struct intern_entry *e)
{
	json_decref(e->parsed);
	free(e->extra);
	free(e->text);
	free(e);
}

struct intern_entry *intern_add(struct intern_table *t, int64_t id, const char *text)
{
	struct intern_entry *e, **by_text, **by_id;

	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->id = id;
	e->text = strdup(text);
	if (!e->text) {
		free(e);
		return NULL;
	}
	by_text = &t->by_text[bucket_of_text(text)];
	by_id = &t->by_id[bucket_of_id(id)];
	e->next_by_text = *by_text;
	*by_text = e;
	e->next_by_id = *by_id;
	*by_id = e;
	t->n++;
	return e;
}

void intern_drop_last(struct intern_table *t, struct intern_entry *e)
{
	t->by_text[bucket_of_text(e->text)] = e->next_by_text;
	t->by_id[bucket_of_id(e->id)] = e->next_by_id;
	t->n--;
	entry_free(e);
}

void intern_clear(struct intern_table *t)
{
	for (size_t i = 0; i < INTERN_BUCKETS; i++) {
		for (struct intern_entry *e = t->by_id[i], *next; e; e = next) {
			next = e->next_by_id;
			entry_free(e);
		}
	}
	memset(t, 0, sizeof(*t));
}

void intern_trim(struct interned *all)
{
	if (all->demands.n >= INTERN_MAX)
		intern_clear(&all->demands);
	if (all->labels.n >= INTERN_MAX)
		intern_clear(&all->labels);
}

/* ---- demands ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_sorted_tags(struct json_out *o, const struct job_board *board)
{
	const char *tags[JOB_TAGS_MAX];
	size_t n = board->n_tags < JOB_TAGS_MAX ? board->n_tags : JOB_TAGS_MAX;

	for (size_t i = 0; i < n; i++)
		tags[i] = board->tags[i];
	qsort(tags, n, sizeof(tags[0]), by_text);
	jo_key(o, "tags");
	jo_open(o, '[');
	for (size_t i = 0; i < n; i++) {
		if (!i || strcmp(tags[i], tags[i - 1]))
			jo_text(o, tags[i]);
	}
	jo_close(o, ']');
}

static void put_phases(struct json_out *o, const struct job_phases *p)
{
	const struct {
		bool run;
		enum stage stage;
	} all[] = {{p->cold.run, STAGE_COLD}, {p->warm.run, STAGE_WARM},
		{p->energy.run, STAGE_ENERGY}, {p->accuracy.run, STAGE_ACCURACY},
		{p->memory, STAGE_MEMORY}, {p->profile, STAGE_PROFILE},
		{p->sustained.run, STAGE_SUSTAINED}};

	jo_key(o, "phases");
	jo_open(o, '[');
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (all[i].run)
			jo_text(o, stage_name(all[i].stage));
	}
	jo_close(o, ']');
}

char *demand_text(const struct job *job, const char *board_name)
{
	struct buffer b = BUFFER_INIT(DEMAND_MAX_BYTES);
	struct json_out o = JSON_OUT(&b);

	jo_open(&o, '{');
	jo_key(&o, "board");
	jo_open(&o, '{');
	jo_put_text(&o, "type", job->board.type);
	put_sorted_tags(&o, &job->board);
	jo_put_text(&o, "name", board_name ? board_name : job->board.name);
	jo_close(&o, '}');
	jo_put_text(&o, "protocol", job_protocol_name(job->protocol));
	put_phases(&o, &job->phases);
	jo_close(&o, '}');
	if (o.rc)
		buffer_done(&b);
	return b.data;
}

int demand_parse(struct intern_entry *e)
{
	json_t *board;

	e->parsed = json_loads(e->text, 0, NULL);
	board = json_object_get(e->parsed, "board");
	if (!board)
		return -EINVAL;
	e->extra = json_dumps(board, JSON_COMPACT);
	if (!e->extra)
		return -ENOMEM;
	e->need.type = json_string_value(json_object_get(board, "type"));
	e->need.name = json_string_value(json_object_get(board, "name"));
	e->need.protocol = json_string_value(json_object_get(e->parsed, "protocol"));
	e->need.n_tags =
		capability_words(json_object_get(board, "tags"), e->need.tags, MATCH_WORDS_MAX);
	e->need.phases = capability_phases(json_object_get(e->parsed, "phases"));
	if (!json_is_array(json_object_get(e->parsed, "phases")))
		e->need.phases = 0;
	return 0;
}
