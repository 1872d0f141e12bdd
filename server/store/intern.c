#include "server/store/intern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/store/capability.h"

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

	if (t->n >= INTERN_MAX)
		intern_clear(t);
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

/* ---- demands ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static json_t *sorted_tags(const struct job_board *board)
{
	const char *tags[JOB_TAGS_MAX];
	json_t *list = json_array();
	size_t n = board->n_tags < JOB_TAGS_MAX ? board->n_tags : JOB_TAGS_MAX;

	for (size_t i = 0; i < n; i++)
		tags[i] = board->tags[i];
	qsort(tags, n, sizeof(tags[0]), by_text);
	for (size_t i = 0; i < n; i++) {
		if (!i || strcmp(tags[i], tags[i - 1]))
			json_array_append_new(list, json_string(tags[i]));
	}
	return list;
}

static json_t *asked_phases(const struct job_phases *p)
{
	const struct {
		bool run;
		enum stage stage;
	} all[] = {{p->cold.run, STAGE_COLD}, {p->warm.run, STAGE_WARM},
		{p->energy.run, STAGE_ENERGY}, {p->accuracy.run, STAGE_ACCURACY},
		{p->memory, STAGE_MEMORY}, {p->profile, STAGE_PROFILE},
		{p->sustained.run, STAGE_SUSTAINED}};
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (all[i].run)
			json_array_append_new(list, json_string(stage_name(all[i].stage)));
	}
	return list;
}

char *demand_text(const struct job *job, const char *board_name)
{
	const char *name = board_name ? board_name : job->board.name;
	json_t *o;
	char *text;

	o = json_pack("{s:{s:s?,s:o,s:s?},s:s,s:o}", "board", "type", job->board.type, "tags",
		sorted_tags(&job->board), "name", name, "protocol",
		job_protocol_name(job->protocol), "phases", asked_phases(&job->phases));
	text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	return text;
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
