-- Captures of runs and energy, version 2.

-- capture_bytes: of DATA/captures/<run>, durable. energy_source: 'measured', 'modelled', or NULL without energy.
ALTER TABLE runs ADD COLUMN capture_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN capture_removed_at INTEGER;
ALTER TABLE runs ADD COLUMN energy_source TEXT
	CHECK (energy_source = 'measured' OR energy_source = 'modelled');
CREATE INDEX runs_with_capture ON runs (id) WHERE capture_bytes > 0 AND capture_removed_at IS NULL;

-- The result's energy without its batches, and the batches alone, as JSON.
ALTER TABLE reports ADD COLUMN energy TEXT;
ALTER TABLE reports ADD COLUMN batches TEXT;
