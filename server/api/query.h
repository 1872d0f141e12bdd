/* Query parameters that several lists share, and the answer of a read. */
#ifndef HILDA_SERVER_API_QUERY_H
#define HILDA_SERVER_API_QUERY_H

#include "server/http/request.h"
#include "server/store/read.h"

/* Each answers and returns false when the parameter is not valid. */
bool query_page(struct request *r, struct read_page *page);
bool query_word(struct request *r, const char *name, const char *const *known, const char **out);
bool query_labels(struct request *r, struct read_label *labels, size_t *n);
/* Present, with or without a value. */
bool query_has(struct request *r, const char *name);

/* "there is no job 17"; of what a number was given to, that retention removed it. `what`: "job", "run", "suite run". */
void query_not_found(struct request *r, const char *what, int64_t id);
/* Answers with what a read gave, or its problem; empties the buffer. `what`: "job", "jobs". */
void query_reply(struct request *r, int rc, struct buffer *b, const char *type, const char *what);

#endif
