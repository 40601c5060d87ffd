CREATE TABLE open_logins (
    login   TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    state   TEXT NOT NULL CHECK (state IN ('started', 'issued', 'taken')),
    ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX open_logins_by_end ON open_logins (ends_at);

CREATE TABLE sessions (
    session TEXT PRIMARY KEY,
    login   TEXT NOT NULL UNIQUE REFERENCES open_logins ON DELETE CASCADE,
    state   TEXT NOT NULL CHECK (state IN ('reserved', 'waiting')),
    jti     TEXT,
    sealed  BLOB,
    ends_at INTEGER NOT NULL,
    CHECK ((state = 'waiting') = (jti IS NOT NULL AND sealed IS NOT NULL))
) STRICT;

CREATE TABLE claims (
    handle  TEXT PRIMARY KEY,
    login   TEXT NOT NULL,
    ends_at INTEGER NOT NULL,
    kept_until INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX claims_by_end ON claims (ends_at);

CREATE TABLE audit (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    login     TEXT,
    session   TEXT,
    reference TEXT,
    source_ip TEXT,
    code      TEXT,
    subject   TEXT NOT NULL,
    name_id       TEXT GENERATED ALWAYS AS (subject ->> 'name_id') VIRTUAL,
    access_key_id TEXT GENERATED ALWAYS AS (subject ->> 'access_key_id') VIRTUAL
) STRICT;
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_name ON audit (name_id) WHERE name_id IS NOT NULL;
CREATE INDEX audit_by_access_key ON audit (access_key_id) WHERE access_key_id IS NOT NULL;
CREATE UNIQUE INDEX audit_event_once ON audit (login, kind) WHERE login IS NOT NULL;
CREATE UNIQUE INDEX audit_one_end ON audit (login) WHERE login IS NOT NULL AND kind IN
    ('login.delivered', 'login.expired', 'login.failed', 'login.abandoned', 'login.uncertain');
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;

CREATE TABLE users (
    CognitoID           TEXT PRIMARY KEY,
    name                TEXT,
    last_authentication INTEGER NOT NULL,
    authentications     INTEGER NOT NULL,
    last_role           TEXT,
    last_session        TEXT,
    last_login          TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE readiness (id INTEGER PRIMARY KEY CHECK (id = 1), beat INTEGER NOT NULL) STRICT;
INSERT INTO readiness VALUES (1, 0);

CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;

PRAGMA application_id = 1447383892;
PRAGMA user_version = 4;
PRAGMA journal_mode = WAL;
