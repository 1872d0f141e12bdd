-- Who has reserved a board, by the token's name; '' where nobody is asked, and for drained boards.

ALTER TABLE boards ADD COLUMN hold_owner TEXT NOT NULL DEFAULT '';
