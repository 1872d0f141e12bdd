-- Which run a cell of the leaderboard shows, version 3.

-- cell: the labels that tell cells apart, as JSON. A row for each phase, so that a later run without energy leaves the
-- energy of an earlier one in its place; samples: of the accuracy phase, else 0, so that a hundred samples do not take
-- the place of the full set.
CREATE TABLE latest (
	cell TEXT NOT NULL,
	board_type TEXT NOT NULL,
	virtual INTEGER NOT NULL CHECK (virtual IN (0, 1)),
	phase TEXT NOT NULL,
	samples INTEGER NOT NULL,
	run INTEGER NOT NULL REFERENCES runs (id),
	PRIMARY KEY (cell, board_type, virtual, phase, samples)
) STRICT, WITHOUT ROWID;
CREATE INDEX latest_by_run ON latest (run);

INSERT INTO latest (cell, board_type, virtual, phase, samples, run)
SELECT cell, board_type, virtual, phase, samples, max(run) FROM (
	SELECT json_patch('{}', json_object(
			'model', coalesce(r.model, json_extract(l.labels, '$.model')),
			'quant', coalesce(r.quant, json_extract(l.labels, '$.quant')),
			'variant', json_extract(l.labels, '$.variant'),
			'kernel', json_extract(l.labels, '$.kernel'),
			'task', json_extract(l.labels, '$.task'),
			'attention', json_extract(l.labels, '$.attention'),
			'base', json_extract(l.labels, '$.base'),
			'heads', json_extract(l.labels, '$.heads'),
			'ff', json_extract(l.labels, '$.ff'),
			'tokens', json_extract(l.labels, '$.tokens'),
			'length', json_extract(l.labels, '$.length'),
			'seed', json_extract(l.labels, '$.seed'))) AS cell,
		r.board_type AS board_type, r.virtual AS virtual, m.phase AS phase,
		CASE m.phase WHEN 'accuracy' THEN max(m.n) ELSE 0 END AS samples, r.id AS run
	FROM runs r LEFT JOIN label_sets l ON l.id = r.label_set
	JOIN metrics m ON m.run = r.id AND m.boot = -1
	WHERE r.outcome = 'passed' AND r.adopted = 1
		AND coalesce(r.model, json_extract(l.labels, '$.model')) IS NOT NULL
	GROUP BY r.id, m.phase)
GROUP BY cell, board_type, virtual, phase, samples;
