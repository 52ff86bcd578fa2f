-- What `prune` drops of old versions to save space: optimiser and random state, while the weights stay.

CREATE TABLE dropped_parameter (
    -- Leaves whose tensors were dropped. What they were is kept, so that the version's content id still follows from
    -- its rows: `parameter` and this table together have each ordinal of the version's structure once.
    version      INTEGER NOT NULL REFERENCES version (id) ON DELETE CASCADE,  -- whose leaf it was
    ordinal      INTEGER NOT NULL CHECK (ordinal >= 0),  -- position among the leaves of `structure`
    path         INTEGER NOT NULL REFERENCES path (id),  -- its name
    role         TEXT                              -- what the tensor was to its module; NULL: not known
                 CHECK (role IN ('parameter', 'buffer')),
    content_id   BLOB    NOT NULL                  -- the content id that the leaf had on its own
                 CHECK (length(content_id) = 32),
    dtype        TEXT    NOT NULL,                 -- the leaf's element type
    shape        TEXT    NOT NULL,                 -- the leaf's shape
    storage      INTEGER,                          -- the storage that it shared with other leaves; NULL: none
    byte_offset  INTEGER,                          -- the leaf's first byte in that storage; NULL: shared none
    strides      TEXT,                             -- elements between neighbours along each axis; NULL: shared none
    dropped_at   TEXT    NOT NULL,                 -- when it was dropped
    PRIMARY KEY (version, ordinal),
    CHECK ((storage IS NULL) = (byte_offset IS NULL) AND (storage IS NULL) = (strides IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX dropped_parameter_by_path ON dropped_parameter (path);
