-- Runs: what was run, with which settings, how it went; and where versions come from. See docs/design.md.
-- Columns that are added to older tables say what they mean between their name and their constraint.

CREATE TABLE environment (
    -- The code and machine that made runs and versions. Rows are shared.
    id          INTEGER PRIMARY KEY,               -- what other tables call the row
    content_id  BLOB NOT NULL UNIQUE               -- SHA-256 of the other columns: docs/format.md
                CHECK (length(content_id) = 32),
    host        TEXT,                              -- the machine's name
    user        TEXT,                              -- who ran it
    command     TEXT,                              -- the command line, a JSON list of words
    git_commit  TEXT,                              -- the commit that was checked out in the current folder
    git_branch  TEXT,                              -- the branch, without a remote's name; NULL: none
    is_dirty    INTEGER                            -- 1: files that git knows were changed since that commit
                CHECK (is_dirty IN (0, 1)),
    packages    TEXT NOT NULL DEFAULT '{}'         -- names and versions of the software, a JSON object
) STRICT;

CREATE TABLE run (
    -- One training or evaluation: settings, metrics by step, and the versions it saved.
    id            INTEGER PRIMARY KEY,             -- what other tables call the row
    model         INTEGER REFERENCES model (id),   -- the model that it makes; NULL: of none in particular
    name          TEXT NOT NULL,                   -- [A-Za-z0-9_][A-Za-z0-9._-]*, at most 128 bytes
    state         TEXT NOT NULL                    -- as it was last said. A run whose process died stays `running`:
                  CHECK (state IN ('running', 'finished', 'failed', 'killed')),  -- `process` tells
    started_at    TEXT NOT NULL,                   -- when it began for the first time
    ended_at      TEXT,                            -- when it ended; NULL: it has not
    wall_seconds  REAL NOT NULL DEFAULT 0          -- how long it ran in all, by a clock that nobody sets;
                  CHECK (wall_seconds >= 0),       -- of a running one, when it was last heard of
    boot          TEXT,                            -- which boot of the machine `boot_seconds` counts from
    boot_seconds  REAL,                            -- when it began or was resumed, less `wall_seconds` by then
    process       TEXT,                            -- process id and when that began, `1234 56789` (clock ticks since
                                                   -- boot): whether it still runs can be seen. NULL: not known
    environment   INTEGER REFERENCES environment (id),  -- the code and machine; of a resumed run, the latest
    parent        INTEGER REFERENCES run (id) ON DELETE SET NULL,  -- the run that it went on from
    heard_at      TEXT NOT NULL                    -- when something was last said about it
) STRICT;
CREATE UNIQUE INDEX run_by_name ON run (ifnull(model, 0), name);

CREATE TABLE run_metric (
    -- Numbers that a run said, by step. Said twice for one step, the later one stays.
    run      INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,  -- the run
    name     TEXT    NOT NULL,                     -- such as `loss` or `valid/accuracy`
    step     INTEGER NOT NULL CHECK (step >= 0),   -- when during training
    value    REAL,                                 -- NULL: not a number. Infinities are kept
    seconds  REAL,                                 -- the run's wall time when it was said; NULL: not known
    PRIMARY KEY (run, name, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_attribute (
    -- The settings of a run: hyper-parameters and other facts.
    run      INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,  -- the run
    key      TEXT    NOT NULL,                     -- such as `lr`
    ordinal  INTEGER NOT NULL,                     -- order in which they were said
    value    TEXT    NOT NULL,                     -- JSON
    PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_attachment (
    -- Small files that belong to a run, such as a configuration or a log.
    run      INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,  -- the run
    name     TEXT    NOT NULL,                     -- file name, without folders
    content  INTEGER NOT NULL REFERENCES attachment_content (id),  -- its bytes
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_attachment_by_content ON run_attachment (content);

CREATE TABLE note (
    -- What people said about a run or a version, in the order of `id`.
    id       INTEGER PRIMARY KEY,                  -- rises with time
    run      INTEGER REFERENCES run (id) ON DELETE CASCADE,  -- the run it is about; NULL: a version
    version  INTEGER REFERENCES version (id) ON DELETE CASCADE,  -- the version it is about; NULL: a run
    at       TEXT NOT NULL,                        -- when
    actor    TEXT NOT NULL,                        -- user@host
    text     TEXT NOT NULL,                        -- what was said
    CHECK ((run IS NULL) <> (version IS NULL))
) STRICT;
CREATE INDEX note_by_run ON note (run) WHERE run IS NOT NULL;
CREATE INDEX note_by_version ON note (version) WHERE version IS NOT NULL;

CREATE TABLE lineage (
    -- Versions of other models that a version was made from. `version.parent` is the one before it in its own.
    version              INTEGER NOT NULL REFERENCES version (id) ON DELETE CASCADE,  -- the version
    ordinal              INTEGER NOT NULL,         -- 0, 1, …: the ancestor that gave most comes first
    ancestor             INTEGER REFERENCES version (id) ON DELETE SET NULL,
                                                   -- what it was made from; NULL: no longer in this registry
    ancestor_name        TEXT NOT NULL,            -- what that was called: `base:v4`
    ancestor_content_id  BLOB NOT NULL             -- its content id
                         CHECK (length(ancestor_content_id) = 32),
    kind                 TEXT NOT NULL             -- how: trained further; put together with others
                         CHECK (kind IN ('fine_tuned', 'merged')),
    found                TEXT NOT NULL             -- who says so: a user, or tensors that both have
                         CHECK (found IN ('given', 'shared_content')),
    share                REAL,                     -- part of the version's bytes that the ancestor has, 0 to 1
    PRIMARY KEY (version, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX lineage_by_ancestor ON lineage (ancestor) WHERE ancestor IS NOT NULL;

ALTER TABLE version ADD COLUMN
    run INTEGER -- the run that saved it; NULL: none
        REFERENCES run (id) ON DELETE SET NULL;
ALTER TABLE version ADD COLUMN
    step INTEGER -- the training step that it was saved at; NULL: not said
        CHECK (step >= 0);
ALTER TABLE version ADD COLUMN
    environment INTEGER -- the code and machine that saved it; NULL: not said
        REFERENCES environment (id);
CREATE INDEX version_by_run ON version (run) WHERE run IS NOT NULL;
CREATE INDEX version_by_environment ON version (environment) WHERE environment IS NOT NULL;
