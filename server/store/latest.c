#include "server/store/latest.h"

#define LABEL(name) "json_extract(l.labels, '$." name "')"
#define MEMBER(name) "'" name "', " LABEL(name)
#define TOLD(name) "coalesce(r." name ", " LABEL(name) ")"

/* json_patch drops what is null: a cell has only the labels that it was given. */
int latest_note(struct store_txn *t, int64_t run)
{
	return sql_run(t->db,
		"INSERT INTO latest (cell, board_type, virtual, phase, samples, run)"
		" SELECT json_patch('{}', json_object('model', " TOLD("model") ", 'quant', " TOLD("quant") ", " MEMBER("variant") ", " MEMBER("kernel") ", " MEMBER("task") ", " MEMBER("attention") ", " MEMBER(
			"base") ", " MEMBER("heads") ", " MEMBER("ff") ", " MEMBER("tokens") ", " MEMBER("length") ", " MEMBER("seed") ")), r.board_type,"
																       " r.virtual, m.phase, CASE m.phase WHEN 'accuracy' THEN max(m.n) ELSE 0 END, r.id"
																       " FROM runs r LEFT JOIN label_sets l ON l.id = r.label_set"
																       " JOIN metrics m ON m.run = r.id AND m.boot = -1"
																       " WHERE r.id = $run AND r.outcome = 'passed' AND r.adopted = 1 AND " TOLD(
																	       "model") " IS NOT NULL GROUP BY m.phase"
																			" ON CONFLICT DO UPDATE SET run = excluded.run WHERE excluded.run > run",
		SQL_I("$run", run));
}
