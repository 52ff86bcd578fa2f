-- The schema of a registry. It is part of the interface: stock sqlite3 must be able to tell, decades from now, which
-- versions share a tensor. Comments stand inside the statements, so that `.schema` shows them.
--
-- Conventions: content ids are the 32 bytes of a SHA-256; times are UTC, `2026-01-31T12:00:00.000Z`; lists of
-- integers are JSON, `[256,20]`; byte counts are before compression unless the column is called `stored_…`.
-- AUTOINCREMENT stands where an id is remembered from one transaction to the next: after its row is deleted, the id
-- is never given to another one. The largest ids so far are in SQLite's own table `sqlite_sequence`.
-- docs/design.md states the invariants, docs/format.md the bytes. The file's application id is 0x4D526547, "MReG".
-- Indexes called `…_facts` hold a second copy of what nothing else vouches for: the weights have content ids, a message has
-- not. `PRAGMA integrity_check`, and so `modelreg verify`, compares the two copies and finds a wrong bit in either.
-- SQLite's JSON functions are not used in constraints: a schema that is not trusted may not call them.

-- Models, runs and versions.

CREATE TABLE model (
    -- A name that versions belong to. Rows are never deleted.
    id           INTEGER PRIMARY KEY,              -- what other tables call the row
    name         TEXT    NOT NULL UNIQUE,          -- such as `mlp` or `team/mlp`; at most 200 bytes
    next_number  INTEGER NOT NULL DEFAULT 1        -- the number of the next version. Only rises, also when versions
                 CHECK (next_number >= 1),         -- are deleted: a number is never used twice
    created_at   TEXT    NOT NULL                  -- when the first version or run was saved
) STRICT;
CREATE INDEX model_facts ON model (name, next_number, created_at);

CREATE TABLE environment (
    -- The code and machine that made runs and versions. Rows are shared.
    id          INTEGER PRIMARY KEY,               -- what other tables call the row
    content_id  BLOB NOT NULL UNIQUE               -- SHA-256 of the other columns: docs/format.md, "Runs"
                CHECK (length(content_id) = 32),
    host        TEXT,                              -- the machine's name; NULL: not known, here and below
    user        TEXT,                              -- who ran it
    command     TEXT,                              -- the command line, a JSON list of words
    git_commit  TEXT,                              -- the commit that was checked out in the current folder
    git_branch  TEXT,                              -- the branch, without a remote's name; NULL also where no branch
                                                   -- was checked out
    is_dirty    INTEGER                            -- 1: files that git tracks were changed since that commit
                CHECK (is_dirty IN (0, 1)),
    packages    TEXT NOT NULL DEFAULT '{}'         -- names and versions of the software, a JSON object
) STRICT;

CREATE TABLE run (
    -- One training or evaluation: settings, metrics by step, and the versions it saved.
    id            INTEGER PRIMARY KEY AUTOINCREMENT,  -- what other tables call the row
    model         INTEGER REFERENCES model (id),   -- the model that it trains; NULL: it belongs to no model
    name          TEXT NOT NULL,                   -- [A-Za-z0-9_][A-Za-z0-9._-]*, at most 128 bytes
    state         TEXT NOT NULL                    -- the state that it reported last. A run whose process died
                  CHECK (state IN ('running', 'finished', 'failed', 'killed')),  -- stays `running`: see `process`
    started_at    TEXT NOT NULL,                   -- when it began for the first time
    ended_at      TEXT,                            -- when it ended; NULL: it has not ended
    wall_seconds  REAL NOT NULL DEFAULT 0          -- how long it ran in all, by a clock that nobody sets;
                  CHECK (wall_seconds >= 0),       -- of a running one, until `heard_at`
    boot          TEXT,                            -- the boot of the machine that `boot_seconds` counts from
    boot_seconds  REAL,                            -- when it began or was resumed, less `wall_seconds` by then
    process       TEXT,                            -- which process runs it, so that a reader on the same machine can
                                                   -- see whether it still does: docs/format.md, "Runs". NULL: unknown
    environment   INTEGER REFERENCES environment (id),  -- the code and machine; of a resumed run, the latest
    parent        INTEGER REFERENCES run (id) ON DELETE SET NULL,  -- the run that it continues
    heard_at      TEXT NOT NULL                    -- when it last wrote anything
) STRICT;
CREATE UNIQUE INDEX run_by_name ON run (ifnull(model, 0), name);
CREATE INDEX run_facts ON run (
    model, name, state, started_at, ended_at, wall_seconds, boot, boot_seconds, process, environment, parent, heard_at);

CREATE TABLE structure (
    -- The containers and keys of checkpoints, without their leaves. Versions with equal ones share a row.
    id          INTEGER PRIMARY KEY,               -- what other tables call the row
    content_id  BLOB NOT NULL UNIQUE               -- SHA-256 of `json`
                CHECK (length(content_id) = 32),
    json        TEXT NOT NULL                      -- "tensor", "value", {"list":[…]}, {"tuple":[…]},
                                                   -- {"dict":[[key,…],…]}, {"ordered_dict":[[key,…],…]}; leaves
                                                   -- are numbered depth first from 0: `parameter.ordinal`
) STRICT;

CREATE TABLE version (
    -- An immutable saved checkpoint. Inserted last: everything that a row here needs is in the file before it.
    id            INTEGER PRIMARY KEY AUTOINCREMENT,  -- what other tables call the row
    model         INTEGER NOT NULL REFERENCES model (id),  -- the model that it is a version of
    number        INTEGER NOT NULL                 -- v1, v2, … within the model
                  CHECK (number >= 1),
    content_id    BLOB    NOT NULL                 -- SHA-256 of the manifest: same weights and structure, same id
                  CHECK (length(content_id) = 32),
    structure     INTEGER NOT NULL REFERENCES structure (id),  -- containers and keys; leaves are in `parameter`
    kind          TEXT    NOT NULL                 -- the type of the outermost value
                  CHECK (kind IN ('tensor', 'value', 'list', 'tuple', 'dictionary', 'state_dict', 'object')),
    parent        INTEGER REFERENCES version (id) ON DELETE SET NULL,
                                                   -- the version it was made from, of any model; NULL: it is a first
                                                   -- one, or its parent was deleted
    run           INTEGER REFERENCES run (id) ON DELETE SET NULL,
                                                   -- the run that saved it; NULL: it was saved outside of runs
    step          INTEGER CHECK (step >= 0),       -- the training step it was saved at; NULL: not known
    environment   INTEGER REFERENCES environment (id),  -- the code and machine that saved it; NULL: not known
    message       TEXT    NOT NULL DEFAULT '',     -- the author's message; '' where there is no message
    tensor_count  INTEGER NOT NULL,                -- number of leaves that are tensors
    byte_count    INTEGER NOT NULL,                -- bytes of these; a tied tensor counts under each of its names
    created_at    TEXT    NOT NULL,                -- when it was saved
    deleted_at    TEXT,                            -- when it was deleted; the next gc removes the row. NULL: alive
    is_packed     INTEGER NOT NULL DEFAULT 0       -- 1: the chunks that the next version replaced are encoded as
                  CHECK (is_packed IN (0, 1)),     -- differences from its chunks, wherever that is shorter
    UNIQUE (model, number)
) STRICT;
CREATE INDEX version_by_content ON version (content_id);
CREATE INDEX version_by_structure ON version (structure);
CREATE INDEX version_by_parent ON version (parent) WHERE parent IS NOT NULL;
CREATE INDEX version_by_run ON version (run) WHERE run IS NOT NULL;
CREATE INDEX version_by_environment ON version (environment) WHERE environment IS NOT NULL;
CREATE INDEX version_to_pack ON version (model, number) WHERE is_packed = 0;
CREATE INDEX version_facts ON version (
    model, number, deleted_at, content_id, structure, kind, parent, run, step, environment, message, tensor_count, byte_count,
    created_at);

CREATE TABLE alias (
    -- A movable name for a version, such as `best` or `prod`. `latest` is computed and never stored here.
    model         INTEGER NOT NULL REFERENCES model (id),  -- the model whose version it names
    name          TEXT    NOT NULL,                -- [A-Za-z0-9_][A-Za-z0-9._-]*, at most 128 bytes
    version       INTEGER NOT NULL REFERENCES version (id),  -- the version that it names now
    is_protected  INTEGER NOT NULL DEFAULT 0       -- 1: moving or removing it needs --force
                  CHECK (is_protected IN (0, 1)),
    is_pinned     INTEGER NOT NULL DEFAULT 0       -- 1: its version's chunks stay keyframes and load at full speed
                  CHECK (is_pinned IN (0, 1)),
    updated_at    TEXT    NOT NULL,                -- when it was set; `event` has the version it named before
    PRIMARY KEY (model, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_facts ON alias (version, name, is_protected, is_pinned, updated_at);

CREATE TABLE remote (
    -- A place that versions are pushed to and pulled from, such as a registry of a team. Never holds credentials.
    name        TEXT NOT NULL PRIMARY KEY,         -- such as `origin`
    address     TEXT NOT NULL,                     -- `oci://host/namespace` or `oci:folder`
    created_at  TEXT NOT NULL                      -- when it was recorded
) STRICT, WITHOUT ROWID;

CREATE TABLE remote_alias (
    -- What an alias at a remote named when this registry last saw or set it: one that somebody else has moved since
    -- is not moved back. May be emptied at any time; then a push that would move an alias needs --force.
    repository  TEXT NOT NULL,                     -- the repository of the model, with its remote's address
    name        TEXT NOT NULL,                     -- the alias
    identity    TEXT NOT NULL,                     -- of the version: 16 digits of SHA-256 of content id and created_at
    seen_at     TEXT NOT NULL,                     -- when it was seen or set
    PRIMARY KEY (repository, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE lineage (
    -- Versions of other models that a version was made from. `version.parent` is one of them where the user named it
    -- as such; otherwise it is a version of the same model.
    version              INTEGER NOT NULL REFERENCES version (id) ON DELETE CASCADE,  -- the descendant
    ordinal              INTEGER NOT NULL,         -- 0, 1, …: the ancestor that gave most comes first
    ancestor             INTEGER REFERENCES version (id) ON DELETE SET NULL,
                                                   -- the version it was made from; NULL: not in this registry
    ancestor_name        TEXT NOT NULL,            -- the ancestor's reference at that time: `base:v4`
    ancestor_content_id  BLOB NOT NULL             -- the ancestor's content id
                         CHECK (length(ancestor_content_id) = 32),
    kind                 TEXT NOT NULL             -- whether it was trained further, or merged with others
                         CHECK (kind IN ('fine_tuned', 'merged')),
    found                TEXT NOT NULL             -- how this is known: from the user, or from tensors that both have
                         CHECK (found IN ('given', 'shared_content')),
    share                REAL,                     -- part of the version's bytes that the ancestor has, 0 to 1;
                                                   -- NULL: not computed
    PRIMARY KEY (version, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX lineage_by_ancestor ON lineage (ancestor) WHERE ancestor IS NOT NULL;
CREATE INDEX lineage_facts ON lineage (ancestor_name, ancestor_content_id, kind, found, share, ancestor);

-- Content: leaves, tensors, and the chunks these are made of.

CREATE TABLE path (
    -- The names of leaves, each once. Rows are never deleted.
    id    INTEGER PRIMARY KEY,                     -- what other tables call the row
    text  TEXT NOT NULL UNIQUE                     -- keys and indices joined by `/`, escaped as in RFC 6901:
                                                   -- `hidden.weight`, `optimizer/state/0/exp_avg`; '' for a
                                                   -- checkpoint that is one single value
) STRICT;

CREATE TABLE tensor (
    -- The content of a tensor, row-major and packed. Shared by all leaves of all versions with this content.
    id              INTEGER PRIMARY KEY AUTOINCREMENT,  -- what other tables call the row
    content_id      BLOB    NOT NULL UNIQUE        -- SHA-256 of type, shape and chunk ids
                    CHECK (length(content_id) = 32),
    dtype           TEXT    NOT NULL,              -- PyTorch's name without `torch.`: float32, bfloat16, …
    shape           TEXT    NOT NULL,              -- length of each axis; [] for a scalar
    byte_count      INTEGER NOT NULL CHECK (byte_count >= 0),  -- bytes of all elements
    -- Health, over all elements, computed when the tensor is saved. NULL where the type has no such figure.
    nan_count       INTEGER,                       -- number of elements that are not a number
    infinity_count  INTEGER,                       -- number of elements that are infinite
    zero_count      INTEGER,                       -- number of elements that are zero, of either sign
    minimum         REAL,                          -- the least finite element; NULL where no element is finite
    maximum         REAL,                          -- the greatest finite element; NULL where no element is finite
    l2_norm         REAL                           -- square root of the sum of squares of finite elements
) STRICT;

CREATE TABLE pack (
    -- Encoded chunks, one after the other. Small ones share a row, since SQLite gives every blob whole pages.
    id          INTEGER PRIMARY KEY AUTOINCREMENT,  -- what other tables call the row
    byte_count  INTEGER NOT NULL,                  -- length of `bytes`
    bytes       BLOB    NOT NULL                   -- the encoded chunks, each at its `chunk.pack_offset`
) STRICT;

CREATE TABLE chunk (
    -- At most 1 MiB of a tensor's bytes. The decoded content of a row never changes; its encoding may.
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,  -- what other tables call the row
    content_id         BLOB    NOT NULL UNIQUE     -- SHA-256 of the decoded bytes
                       CHECK (length(content_id) = 32),
    checksum           INTEGER NOT NULL,           -- CRC-32C of the decoded bytes, checked whenever they are read
    byte_count         INTEGER NOT NULL            -- length of the decoded bytes
                       CHECK (byte_count BETWEEN 1 AND 1048576),
    codec              INTEGER NOT NULL,           -- how it is encoded: docs/codec.md
    base               INTEGER REFERENCES chunk (id),
                                                   -- the chunk that a delta is a difference from; NULL: keyframe
    depth              INTEGER NOT NULL DEFAULT 0  -- number of deltas from here to the keyframe; 0: a keyframe
                       CHECK ((base IS NULL) = (depth = 0)),
    pack               INTEGER NOT NULL REFERENCES pack (id),
                                                   -- the row that holds the encoded bytes
    pack_offset        INTEGER NOT NULL CHECK (pack_offset >= 0),
                                                   -- position of the first encoded byte in `pack.bytes`
    stored_byte_count  INTEGER NOT NULL CHECK (stored_byte_count >= 0)
                                                   -- length of the encoded bytes
) STRICT;
CREATE INDEX chunk_by_base ON chunk (base) WHERE base IS NOT NULL;
CREATE INDEX chunk_by_pack ON chunk (pack);

CREATE TABLE unfinished_write (
    -- Saves, merges and the like that have inserted chunks and not yet the rows that name them. Garbage collection leaves
    -- these chunks alone while the process runs. Rows may be deleted: a save inserts again what it misses.
    id           INTEGER PRIMARY KEY,              -- a random number, which the process chose
    first_chunk  INTEGER NOT NULL,                 -- chunks from this row on may be those of the save
    process      TEXT    NOT NULL,                 -- PID namespace, number and start of the process
    renewed_at   TEXT    NOT NULL                  -- UTC, ISO 8601: when it last inserted chunks
) STRICT;

CREATE TABLE tensor_chunk (
    -- The chunks that a tensor is made of.
    tensor   INTEGER NOT NULL REFERENCES tensor (id) ON DELETE CASCADE,  -- the tensor
    ordinal  INTEGER NOT NULL CHECK (ordinal >= 0),  -- 0, 1, …: chunk n begins at byte n * 1048576
    chunk    INTEGER NOT NULL REFERENCES chunk (id),  -- the chunk with these bytes
    PRIMARY KEY (tensor, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX tensor_chunk_by_chunk ON tensor_chunk (chunk);

CREATE TABLE parameter (
    -- The leaves of a version: tensors, and the plain values beside them (epoch, learning rate, …).
    version         INTEGER NOT NULL REFERENCES version (id) ON DELETE CASCADE,  -- the version it is a leaf of
    ordinal         INTEGER NOT NULL CHECK (ordinal >= 0),  -- position among the leaves of `structure`
    path            INTEGER NOT NULL REFERENCES path (id),  -- its name
    role            TEXT                           -- what a tensor is to its module; NULL: not known
                    CHECK (role IN ('parameter', 'buffer', 'frozen_parameter', 'requires_grad')),
    tensor          INTEGER REFERENCES tensor (id),  -- the tensor; NULL for a plain value
    -- Views. All NULL where the leaf is exactly its tensor and shares its storage with no other leaf.
    storage         INTEGER,                       -- leaves of a version with the same number are tied: one storage
    storage_offset  INTEGER,                       -- position of the tensor's first byte in that storage
    view_id         BLOB,                          -- the content id that the leaf has on its own
    view_dtype      TEXT,                          -- the leaf's element type
    view_shape      TEXT,                          -- the leaf's shape
    view_strides    TEXT,                          -- elements between neighbours along each axis
    view_offset     INTEGER,                       -- position of the leaf's first byte in the tensor
    -- Plain values.
    value_kind      TEXT                           -- the value's type; NULL for a tensor
                    CHECK (value_kind IN ('string', 'integer', 'number', 'boolean', 'none', 'bytes', 'big_integer',
                                          'name')),
    value           ANY,                           -- booleans as 0 and 1. A number that SQLite would change (NaN, -0)
                                                   -- is a blob of its 8 bytes; a text with a NUL is a blob of UTF-8;
                                                   -- a big integer is decimal digits, a name is 'module:name'
    PRIMARY KEY (version, ordinal),
    CHECK ((tensor IS NULL) = (value_kind IS NOT NULL)),
    CHECK ((storage IS NULL) = (storage_offset IS NULL)),
    CHECK ((view_id IS NULL) = (view_strides IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX parameter_by_tensor ON parameter (tensor) WHERE tensor IS NOT NULL;
CREATE INDEX parameter_by_path ON parameter (path, version, role);

CREATE TABLE dropped_parameter (
    -- Leaves whose tensors `prune` dropped to save space: optimiser and random state, while the weights stay. Their
    -- ids and shapes are kept, so that the version's content id still follows from its rows: `parameter` and this
    -- table together have each ordinal of the version's structure once.
    version      INTEGER NOT NULL REFERENCES version (id) ON DELETE CASCADE,  -- the version it was a leaf of
    ordinal      INTEGER NOT NULL CHECK (ordinal >= 0),  -- position among the leaves of `structure`
    path         INTEGER NOT NULL REFERENCES path (id),  -- its name
    role         TEXT                              -- what the tensor was to its module; NULL: not known
                 CHECK (role IN ('parameter', 'buffer', 'frozen_parameter', 'requires_grad')),
    content_id   BLOB    NOT NULL                  -- the content id that the leaf had on its own
                 CHECK (length(content_id) = 32),
    dtype        TEXT    NOT NULL,                 -- the leaf's element type
    shape        TEXT    NOT NULL,                 -- the leaf's shape
    -- Ties. All NULL where the leaf shared its storage with no other leaf.
    storage      INTEGER,                          -- the number of the storage that it shared
    byte_offset  INTEGER,                          -- position of the leaf's first byte in that storage
    strides      TEXT,                             -- elements between neighbours along each axis
    dropped_at   TEXT    NOT NULL,                 -- when it was dropped
    PRIMARY KEY (version, ordinal),
    CHECK ((storage IS NULL) = (byte_offset IS NULL) AND (storage IS NULL) = (strides IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX dropped_parameter_by_path ON dropped_parameter (path);

-- Facts about versions.

CREATE TABLE metric (
    -- Numbers that tell how good a version is, as they were at its step. A run's other steps are in `run_metric`.
    version  INTEGER NOT NULL REFERENCES version (id) ON DELETE CASCADE,  -- the version that was measured
    name     TEXT    NOT NULL,                     -- such as `accuracy`
    value    REAL,                                 -- NULL: not a number. Infinities are kept
    PRIMARY KEY (version, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX metric_facts ON metric (version, name, value);

CREATE TABLE attribute (
    -- Facts about a version that are not part of its content.
    version  INTEGER NOT NULL REFERENCES version (id) ON DELETE CASCADE,  -- the version that it describes
    source   TEXT    NOT NULL                      -- where it comes from: the user, or metadata of the file that the
             CHECK (source IN ('user', 'file')),   -- version was saved from
    ordinal  INTEGER NOT NULL,                     -- order among those of one source
    key      TEXT    NOT NULL,                     -- such as `learning_rate`
    value    TEXT    NOT NULL,                     -- JSON
    PRIMARY KEY (version, source, ordinal),
    UNIQUE (version, source, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX attribute_facts ON attribute (version, source, ordinal, key, value);

CREATE TABLE source_file (
    -- The file that a version was saved from, where it can be given back byte for byte.
    version     INTEGER PRIMARY KEY REFERENCES version (id) ON DELETE CASCADE,  -- the version that was saved from it
    name        TEXT    NOT NULL,                  -- the name of the file or folder, without the folder it is in
    format      TEXT    NOT NULL,                  -- safetensors, pytorch, …; folder; file: any, kept as it is
    byte_count  INTEGER NOT NULL,                  -- length of the file; of a folder, of its list and files
    content_id  BLOB    NOT NULL                   -- SHA-256 of `recipe`
                CHECK (length(content_id) = 32),
    recipe      BLOB    NOT NULL                   -- the bytes between the tensors, and where the tensors go:
                                                   -- docs/format.md, "Source files"
) STRICT;
CREATE INDEX source_file_facts ON source_file (name, format, byte_count, content_id);

CREATE TABLE attachment_content (
    -- The bytes of attachments, each once.
    id          INTEGER PRIMARY KEY,               -- what other tables call the row
    content_id  BLOB    NOT NULL UNIQUE            -- SHA-256 of the file
                CHECK (length(content_id) = 32),
    byte_count  INTEGER NOT NULL,                  -- length of the file
    bytes       BLOB    NOT NULL                   -- zlib stream of the file (RFC 1950)
) STRICT;

CREATE TABLE attachment (
    -- Small files that belong to a version, such as a configuration or a tokenizer.
    version  INTEGER NOT NULL REFERENCES version (id) ON DELETE CASCADE,  -- the version it belongs to
    name     TEXT    NOT NULL,                     -- file name; of the files of a folder, below that folder
    content  INTEGER NOT NULL REFERENCES attachment_content (id),  -- its bytes
    PRIMARY KEY (version, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX attachment_by_content ON attachment (content);

-- Facts about runs.

CREATE TABLE run_metric (
    -- Numbers that a run logged, by step. Of two values logged for one step, the later one stays.
    run      INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,  -- the run
    name     TEXT    NOT NULL,                     -- such as `loss` or `valid/accuracy`
    step     INTEGER NOT NULL CHECK (step >= 0),   -- the training step
    value    REAL,                                 -- NULL: not a number. Infinities are kept
    seconds  REAL,                                 -- the run's wall time when it was logged; NULL: not known
    PRIMARY KEY (run, name, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_attribute (
    -- The settings of a run: hyper-parameters and other facts.
    run      INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,  -- the run
    key      TEXT    NOT NULL,                     -- such as `lr`
    ordinal  INTEGER NOT NULL,                     -- order in which they were given
    value    TEXT    NOT NULL,                     -- JSON
    PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_attribute_facts ON run_attribute (run, key, ordinal, value);

CREATE TABLE run_attachment (
    -- Small files that belong to a run, such as a configuration or a log.
    run      INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,  -- the run
    name     TEXT    NOT NULL,                     -- file name, without folders
    content  INTEGER NOT NULL REFERENCES attachment_content (id),  -- its bytes
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_attachment_by_content ON run_attachment (content);

-- The diary.

CREATE TABLE note (
    -- Remarks of people on a run or a version, in the order of `id`.
    id       INTEGER PRIMARY KEY AUTOINCREMENT,    -- rises with time
    run      INTEGER REFERENCES run (id) ON DELETE CASCADE,  -- the run it is about; NULL: it is about a version
    version  INTEGER REFERENCES version (id) ON DELETE CASCADE,  -- the version it is about; NULL: it is about a run
    at       TEXT NOT NULL,                        -- when it was written
    actor    TEXT NOT NULL,                        -- who wrote it: user@host
    text     TEXT NOT NULL,                        -- the remark
    CHECK ((run IS NULL) <> (version IS NULL))
) STRICT;
CREATE INDEX note_by_run ON note (run) WHERE run IS NOT NULL;
CREATE INDEX note_by_version ON note (version) WHERE version IS NOT NULL;
CREATE INDEX note_facts ON note (run, version, at, actor, text);

CREATE TABLE event (
    -- Changes to the registry: who made them and when. Names rather than ids: an event outlives its version.
    id      INTEGER PRIMARY KEY AUTOINCREMENT,     -- rises with time
    at      TEXT NOT NULL,                         -- when it happened
    actor   TEXT NOT NULL,                         -- who did it: user@host
    action  TEXT NOT NULL,                         -- save, alias set, alias rm, rm, restore, gc, …
    model   TEXT,                                  -- the model's name; NULL where it concerns no model
    number  INTEGER,                               -- the version's number; NULL where it concerns no version
    alias   TEXT,                                  -- the alias's name; NULL where it concerns no alias
    detail  TEXT                                   -- JSON: more, such as the version that an alias named before
) STRICT;
CREATE INDEX event_by_model ON event (model, id);
CREATE INDEX event_facts ON event (at, actor, action, model, number, alias, detail);

-- Packing, and the registry's own choices.

CREATE TABLE packing_choice (
    -- Whether tensors of a name are shorter as differences from the next version. Found by a sample, and tried again
    -- after several versions. Only saves time: rows may be deleted.
    path       INTEGER PRIMARY KEY REFERENCES path (id),     -- the name
    is_delta   INTEGER NOT NULL CHECK (is_delta IN (0, 1)),  -- 1: differences are shorter
    use_count  INTEGER NOT NULL                              -- number of versions packed by it since it was found
) STRICT;

CREATE TABLE setting (
    -- Choices that belong to this registry. `packing.maximum_depth`: the most deltas between a chunk and its keyframe
    -- (8 where there is no row). `packing.keyframe_interval`: versions whose number is a multiple of it stay
    -- keyframes (32 where there is no row).
    name   TEXT PRIMARY KEY,                       -- the choice
    value  ANY NOT NULL                            -- its value
) STRICT, WITHOUT ROWID;

-- Views that answer questions about history from stored ids and health alone: no weights are read, and nothing is
-- stored in them. docs/queries.md is a page of queries over them.
--
-- "Previous" is the living version of the same model with the next lower number. Deleted versions do not appear, even
-- before gc has removed their rows: a change that one of them made appears in the next living version.

CREATE VIEW parameter_state AS
    -- Every leaf of every living version: tensors and plain values.
    SELECT model.name AS model,                    -- the model's name
           version.number AS number,               -- the version's number
           version.id AS version_id,               -- the version's row, as `metric`, `attribute`, … have it
           parameter.ordinal AS ordinal,           -- position among the version's leaves, from 0
           path.text AS path,                      -- the leaf's name
           parameter.role AS role,                 -- 'parameter', 'buffer', …; NULL: not known, or a plain value
           ifnull(parameter.value_kind, 'tensor') AS kind,
                                                   -- 'tensor', or the kind of a plain value: 'string', 'integer', …
           parameter.value AS value,               -- the plain value, stored as in `parameter`; NULL for a tensor
           lower(hex(ifnull(parameter.view_id, tensor.content_id))) AS content_id,
                                                   -- the tensor's, in 64 hexadecimal digits; '' for a plain value
           ifnull(parameter.view_dtype, tensor.dtype) AS dtype,
                                                   -- element type: 'float32', 'bfloat16', …
           ifnull(parameter.view_shape, tensor.shape) AS shape,
                                                   -- length of each axis: '[256,20]'
           parameter.storage AS storage,           -- leaves of one version with the same number are tied
           -- Health of the stored tensor. NULL where the leaf is only a part of it, since the figures would be those
           -- of more than the leaf. An expanded tensor has the figures of the elements that it repeats.
           iif(parameter.view_id IS NULL OR parameter.storage IS NULL, tensor.nan_count, NULL) AS nan_count,
                                                   -- elements that are not a number
           iif(parameter.view_id IS NULL OR parameter.storage IS NULL, tensor.infinity_count, NULL)
             AS infinity_count,                    -- elements that are infinite
           iif(parameter.view_id IS NULL OR parameter.storage IS NULL, tensor.zero_count, NULL) AS zero_count,
                                                   -- elements that are zero, of either sign
           iif(parameter.view_id IS NULL OR parameter.storage IS NULL, tensor.minimum, NULL) AS minimum,
                                                   -- the least finite element
           iif(parameter.view_id IS NULL OR parameter.storage IS NULL, tensor.maximum, NULL) AS maximum,
                                                   -- the greatest finite element
           iif(parameter.view_id IS NULL OR parameter.storage IS NULL, tensor.l2_norm, NULL) AS l2_norm
                                                   -- square root of the sum of squares of finite elements
    FROM parameter
    JOIN version ON version.id = parameter.version AND version.deleted_at IS NULL
    JOIN model ON model.id = version.model
    JOIN path ON path.id = parameter.path
    LEFT JOIN tensor ON tensor.id = parameter.tensor;

CREATE VIEW parameter_change AS
    -- Every leaf that a living version added, changed or removed, compared with the previous version. All leaves of
    -- a model's first version are added. The words are those of `modelreg diff --json`, except that a renamed leaf is
    -- removed under one name and added under the other.
    SELECT model.name AS model,                    -- the model's name
           now.number AS number,                   -- the version in which it changed
           now.id AS version_id,                   -- that version's row, as `metric`, `attribute`, … have it
           before.number AS previous_number,       -- the version that it is compared with; NULL for the first one
           path.text AS path,                      -- the leaf's name
           iif(old.path IS NULL, 'added', 'changed') AS change,
                                                   -- 'added', 'changed' or 'removed'
           iif(old.path IS NULL, '', ltrim(
             iif((new.tensor IS NULL) <> (old.tensor IS NULL), ',type', '')
             || iif(ifnull(new.view_dtype, new_tensor.dtype) <> ifnull(old.view_dtype, old_tensor.dtype), ',dtype', '')
             || iif(ifnull(new.view_shape, new_tensor.shape) <> ifnull(old.view_shape, old_tensor.shape), ',shape', '')
             || iif(ifnull(new.view_dtype, new_tensor.dtype) = ifnull(old.view_dtype, old_tensor.dtype)
                    AND ifnull(new.view_shape, new_tensor.shape) = ifnull(old.view_shape, old_tensor.shape)
                    AND ifnull(new.view_id, new_tensor.content_id) <> ifnull(old.view_id, old_tensor.content_id)
                    OR new.tensor IS NULL AND old.tensor IS NULL
                    AND (new.value_kind <> old.value_kind OR new.value IS NOT old.value), ',value', '')
             || CASE WHEN new.storage IS NULL AND old.storage IS NULL THEN ''
                     WHEN new.storage IS NULL OR old.storage IS NULL THEN ',tie'
                     WHEN new.storage_offset + ifnull(new.view_offset, 0)
                          <> old.storage_offset + ifnull(old.view_offset, 0)
                       OR new.view_strides <> old.view_strides
                       OR (SELECT group_concat(path) FROM (SELECT DISTINCT path FROM parameter AS tied
                             WHERE tied.version = new.version AND tied.storage = new.storage ORDER BY path))
                          <> (SELECT group_concat(path) FROM (SELECT DISTINCT path FROM parameter AS tied
                                WHERE tied.version = old.version AND tied.storage = old.storage ORDER BY path))
                     THEN ',tie' ELSE '' END, ',')) AS differences,
                                                   -- in which ways a changed leaf differs, joined by commas: 'type'
                                                   -- (tensor or plain value), 'dtype', 'shape', 'value', 'tie'
           lower(hex(ifnull(old.view_id, old_tensor.content_id))) AS old_content_id,
                                                   -- 64 hexadecimal digits; '' where there is no tensor
           lower(hex(ifnull(new.view_id, new_tensor.content_id))) AS new_content_id,
                                                   -- the same, afterwards
           ifnull(old.view_dtype, old_tensor.dtype) AS old_dtype,
                                                   -- element type; NULL where there is no tensor
           ifnull(new.view_dtype, new_tensor.dtype) AS new_dtype,
                                                   -- the same, afterwards
           ifnull(old.view_shape, old_tensor.shape) AS old_shape,
                                                   -- length of each axis; NULL where there is no tensor
           ifnull(new.view_shape, new_tensor.shape) AS new_shape,
                                                   -- the same, afterwards
           old.value AS old_value,                 -- the plain value; NULL where there is none
           new.value AS new_value,                 -- the same, afterwards
           -- Health, as in parameter_state.
           iif(old.view_id IS NULL OR old.storage IS NULL, old_tensor.l2_norm, NULL) AS old_l2_norm,
                                                   -- square root of the sum of squares of finite elements
           iif(new.view_id IS NULL OR new.storage IS NULL, new_tensor.l2_norm, NULL) AS new_l2_norm,
                                                   -- the same, afterwards
           iif(old.view_id IS NULL OR old.storage IS NULL, old_tensor.nan_count, NULL) AS old_nan_count,
                                                   -- elements that are not a number
           iif(new.view_id IS NULL OR new.storage IS NULL, new_tensor.nan_count, NULL) AS new_nan_count,
                                                   -- the same, afterwards
           iif(old.view_id IS NULL OR old.storage IS NULL, old_tensor.infinity_count, NULL) AS old_infinity_count,
                                                   -- elements that are infinite
           iif(new.view_id IS NULL OR new.storage IS NULL, new_tensor.infinity_count, NULL) AS new_infinity_count
                                                   -- the same, afterwards
    FROM parameter AS new
    JOIN version AS now ON now.id = new.version AND now.deleted_at IS NULL
    JOIN model ON model.id = now.model
    JOIN path ON path.id = new.path
    LEFT JOIN version AS before ON before.id = (
      SELECT id FROM version AS earlier
      WHERE earlier.model = now.model AND earlier.number < now.number AND earlier.deleted_at IS NULL
      ORDER BY earlier.number DESC LIMIT 1)
    -- Versions of one structure have a leaf in the same place. Otherwise it is looked up by its name; the keys 0 and
    -- "0" of a dictionary spell the same, and of such leaves the first is compared with the first.
    LEFT JOIN parameter AS old ON old.version = before.id AND old.ordinal = iif(
      before.structure = now.structure, new.ordinal,
      (SELECT namesake.ordinal FROM parameter AS namesake INDEXED BY parameter_by_path
       WHERE namesake.path = new.path AND namesake.version = before.id
         AND (SELECT count(*) FROM parameter AS twin INDEXED BY parameter_by_path
              WHERE twin.path = namesake.path AND twin.version = before.id AND twin.ordinal < namesake.ordinal)
           = (SELECT count(*) FROM parameter AS twin INDEXED BY parameter_by_path
              WHERE twin.path = new.path AND twin.version = new.version AND twin.ordinal < new.ordinal)))
    LEFT JOIN tensor AS new_tensor ON new_tensor.id = new.tensor
    LEFT JOIN tensor AS old_tensor ON old_tensor.id = old.tensor
    WHERE old.path IS NULL
       OR (new.tensor IS NOT old.tensor OR new.view_id IS NOT old.view_id
           OR new.value_kind IS NOT old.value_kind OR new.value IS NOT old.value
           OR new.storage IS NOT NULL OR old.storage IS NOT NULL)
          AND differences <> ''
  UNION ALL
    SELECT model.name, now.number, now.id, before.number, path.text, 'removed', '',
           lower(hex(ifnull(old.view_id, old_tensor.content_id))), '',
           ifnull(old.view_dtype, old_tensor.dtype), NULL, ifnull(old.view_shape, old_tensor.shape), NULL,
           old.value, NULL,
           iif(old.view_id IS NULL OR old.storage IS NULL, old_tensor.l2_norm, NULL), NULL,
           iif(old.view_id IS NULL OR old.storage IS NULL, old_tensor.nan_count, NULL), NULL,
           iif(old.view_id IS NULL OR old.storage IS NULL, old_tensor.infinity_count, NULL), NULL
    FROM parameter AS old
    JOIN version AS before ON before.id = old.version AND before.deleted_at IS NULL
    JOIN model ON model.id = before.model
    JOIN path ON path.id = old.path
    JOIN version AS now ON now.id = (
      SELECT id FROM version AS later
      WHERE later.model = before.model AND later.number > before.number AND later.deleted_at IS NULL
      ORDER BY later.number LIMIT 1)
    LEFT JOIN tensor AS old_tensor ON old_tensor.id = old.tensor
    WHERE before.structure <> now.structure
      AND (SELECT count(*) FROM parameter AS namesake INDEXED BY parameter_by_path
           WHERE namesake.path = old.path AND namesake.version = now.id)
       <= (SELECT count(*) FROM parameter AS twin INDEXED BY parameter_by_path
           WHERE twin.path = old.path AND twin.version = old.version AND twin.ordinal < old.ordinal);

CREATE VIEW version_summary AS
    -- Every living version, with the facts about it in one row.
    SELECT model.name AS model,                    -- the model's name
           version.number AS number,               -- the version's number
           version.id AS version_id,               -- the version's row, as `metric`, `attribute`, … have it
           model.name || ':v' || version.number AS reference,
                                                   -- as the command line names it: 'mlp:v3'
           lower(hex(version.content_id)) AS content_id,
                                                   -- same weights and structure, same id: 64 hexadecimal digits
           version.kind AS kind,                   -- 'state_dict', 'dictionary', 'tensor', …
           (SELECT ifnull(run_model.name || '/', '') || run.name FROM run
            LEFT JOIN model AS run_model ON run_model.id = run.model WHERE run.id = version.run) AS run,
                                                   -- the run that saved it: 'mlp/baseline'; NULL outside of runs
           version.step AS step,                   -- the training step it was saved at; NULL: not known
           version.message AS message,             -- the author's message
           version.tensor_count AS tensor_count,   -- leaves that are tensors
           version.byte_count AS byte_count,       -- bytes of these, before compression
           version.created_at AS created_at,       -- when it was saved, UTC
           (SELECT max(earlier.number) FROM version AS earlier
            WHERE earlier.model = version.model AND earlier.number < version.number
              AND earlier.deleted_at IS NULL) AS previous_number,
                                                   -- the living version before it; NULL for the first one
           (SELECT parent_model.name || ':v' || parent.number FROM version AS parent
            JOIN model AS parent_model ON parent_model.id = parent.model
            WHERE parent.id = version.parent) AS parent,
                                                   -- the version that it was made from: 'mlp:v2'
           (SELECT group_concat(name, ', ') FROM (SELECT name FROM alias
              WHERE alias.version = version.id ORDER BY name)) AS aliases,
                                                   -- joined by commas; NULL where there are none
           (SELECT group_concat(name || '=' || ifnull(value, 'nan'), ' ') FROM (SELECT name, value FROM metric
              WHERE metric.version = version.id ORDER BY name)) AS metrics
                                                   -- 'accuracy=0.97 loss=0.1'; NULL where there are none
    FROM version
    JOIN model ON model.id = version.model
    WHERE version.deleted_at IS NULL;

CREATE VIEW tensor_use AS
    -- Every stored tensor that a living version uses, and how many use it.
    SELECT lower(hex(tensor.content_id)) AS content_id,
                                                   -- 64 hexadecimal digits
           tensor.dtype AS dtype,                  -- element type
           tensor.shape AS shape,                  -- length of each axis
           tensor.byte_count AS byte_count,        -- before compression
           (SELECT sum(chunk.stored_byte_count) FROM tensor_chunk JOIN chunk ON chunk.id = tensor_chunk.chunk
            WHERE tensor_chunk.tensor = tensor.id) AS stored_byte_count,
                                                   -- bytes of its chunks as they are encoded; NULL if it is empty
           count(DISTINCT version.model) AS model_count,
                                                   -- models with such a version
           count(DISTINCT version.id) AS version_count,
                                                   -- living versions that use it
           count(*) AS leaf_count                  -- leaves that are this tensor or a view of it
    FROM tensor
    JOIN parameter ON parameter.tensor = tensor.id
    JOIN version ON version.id = parameter.version AND version.deleted_at IS NULL
    GROUP BY tensor.id;

CREATE VIEW model_summary AS
    -- Every model, with the number and the bytes of its living versions.
    SELECT model.name AS name,                     -- the model's name
           (SELECT count(*) FROM version WHERE version.model = model.id AND version.deleted_at IS NULL)
             AS version_count,                     -- living versions
           (SELECT max(number) FROM version WHERE version.model = model.id AND version.deleted_at IS NULL)
             AS latest_number,                     -- the highest number of these
           (SELECT sum(byte_count) FROM version WHERE version.model = model.id AND version.deleted_at IS NULL)
             AS byte_count,                        -- bytes of all their tensors, as if each stood for itself
           (SELECT sum(byte_count) FROM tensor WHERE id IN (
              SELECT parameter.tensor FROM version JOIN parameter ON parameter.version = version.id
              WHERE version.model = model.id AND version.deleted_at IS NULL)) AS distinct_byte_count,
                                                   -- bytes of their tensors, each once
           (SELECT sum(stored_byte_count) FROM chunk WHERE id IN (
              SELECT tensor_chunk.chunk FROM version JOIN parameter ON parameter.version = version.id
              JOIN tensor_chunk ON tensor_chunk.tensor = parameter.tensor
              WHERE version.model = model.id AND version.deleted_at IS NULL)) AS stored_byte_count
                                                   -- bytes of their chunks as they are encoded, each once; other
                                                   -- models may share these chunks
    FROM model;
