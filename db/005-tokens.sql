-- Tokens and the audit log, version 5.

-- secret: SHA-256 of the token's secret part. scopes: bits of enum scope (server/http/route.h).
-- host: an agent's token is good for that agent's name only; '' for others.
CREATE TABLE tokens (
	id INTEGER PRIMARY KEY,
	public TEXT NOT NULL UNIQUE CHECK (length(public) = 12),
	secret BLOB NOT NULL CHECK (length(secret) = 32),
	name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
	scopes INTEGER NOT NULL CHECK (scopes > 0),
	host TEXT NOT NULL DEFAULT '',
	created_at INTEGER NOT NULL,
	expires_at INTEGER, -- NULL: never
	revoked_at INTEGER,
	used_at INTEGER -- about: written now and then
) STRICT;
-- One name is one person or machine at a time.
CREATE UNIQUE INDEX tokens_alive ON tokens (name) WHERE revoked_at IS NULL;

-- Every change that somebody made by REST, in the transaction that made it.
CREATE TABLE audit (
	id INTEGER PRIMARY KEY,
	at INTEGER NOT NULL,
	who TEXT NOT NULL, -- a token's name; '' while the server asks for none
	what TEXT NOT NULL, -- method and path
	source TEXT NOT NULL -- address that it came from
) STRICT;
