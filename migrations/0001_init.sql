-- The schema of a registry. It is part of the interface: stock sqlite3 must be able to say, decades from now,
-- which versions share a tensor. Comments stand inside the statements, so that `.schema` shows them.
--
-- Conventions: content ids are the 32 bytes of a SHA-256; times are UTC, `2026-01-31T12:00:00.000Z`; lists of
-- integers are JSON, `[256,20]`; byte counts are before compression unless they say `stored`.
-- docs/design.md states the invariants; docs/format.md the bytes. The file's application id is 0x4D526547, "MReG".
-- SQLite's JSON functions are not used in constraints: a schema that is not trusted may not call them.

CREATE TABLE model (
    -- A name that versions belong to.
    id           INTEGER PRIMARY KEY,              -- what other tables call the row
    name         TEXT    NOT NULL UNIQUE,          -- such as `mlp` or `team/mlp`; at most 200 bytes
    next_number  INTEGER NOT NULL DEFAULT 1        -- the number of the next version. Only rises, also when versions
                 CHECK (next_number >= 1),         -- are deleted: a number is never used twice
    created_at   TEXT    NOT NULL                  -- when the first version was saved
) STRICT;

CREATE TABLE structure (
    -- The containers and keys of checkpoints, without their leaves. Versions of one model share a row.
    id          INTEGER PRIMARY KEY,               -- what other tables call the row
    content_id  BLOB NOT NULL UNIQUE               -- SHA-256 of `json`
                CHECK (length(content_id) = 32),
    json        TEXT NOT NULL                      -- "tensor", "value", {"list":[…]}, {"tuple":[…]},
                                                   -- {"dict":[[key,…],…]}, {"ordered_dict":[[key,…],…]}; leaves
                                                   -- are numbered depth first from 0: `parameter.ordinal`
) STRICT;

CREATE TABLE version (
    -- An immutable saved checkpoint. Inserted last: whatever a row here needs is in the file.
    id            INTEGER PRIMARY KEY,             -- what other tables call the row
    model         INTEGER NOT NULL REFERENCES model (id),  -- the model that it is a version of
    number        INTEGER NOT NULL                 -- v1, v2, … within the model
                  CHECK (number >= 1),
    content_id    BLOB    NOT NULL                 -- SHA-256 of the manifest: same weights and structure, same id
                  CHECK (length(content_id) = 32),
    parent        INTEGER REFERENCES version (id) ON DELETE SET NULL,
                                                   -- the version this one was made from; may be of another model
    structure     INTEGER NOT NULL REFERENCES structure (id),  -- containers and keys; leaves are in `parameter`
    kind          TEXT    NOT NULL                 -- what the checkpoint is at its top
                  CHECK (kind IN ('tensor', 'value', 'list', 'tuple', 'dictionary', 'state_dict')),
    message       TEXT    NOT NULL DEFAULT '',     -- what its author said about it
    tensor_count  INTEGER NOT NULL,                -- leaves that are tensors
    byte_count    INTEGER NOT NULL,                -- bytes of these; a tied tensor counts under each of its names
    created_at    TEXT    NOT NULL,                -- when it was saved
    deleted_at    TEXT,                            -- when it was deleted; the next gc removes the row. NULL: alive
    is_packed     INTEGER NOT NULL DEFAULT 0       -- 1: what changed in the next version is stored as differences
                  CHECK (is_packed IN (0, 1)),     -- from it, wherever that is shorter
    UNIQUE (model, number)
) STRICT;
CREATE INDEX version_by_content ON version (content_id);
CREATE INDEX version_by_parent ON version (parent) WHERE parent IS NOT NULL;
CREATE INDEX version_by_structure ON version (structure);
CREATE INDEX version_to_pack ON version (model, number) WHERE is_packed = 0;

CREATE TABLE alias (
    -- A movable name for a version, such as `best` or `prod`. `latest` is computed and never stored here.
    model         INTEGER NOT NULL REFERENCES model (id),  -- the model whose version it names
    name          TEXT    NOT NULL,                -- [A-Za-z0-9_][A-Za-z0-9._-]*, at most 128 bytes
    version       INTEGER NOT NULL REFERENCES version (id),  -- the version that it names now
    is_protected  INTEGER NOT NULL DEFAULT 0       -- 1: moving or removing it needs --force
                  CHECK (is_protected IN (0, 1)),
    is_pinned     INTEGER NOT NULL DEFAULT 0       -- 1: its version's chunks stay keyframes and load at full speed
                  CHECK (is_pinned IN (0, 1)),
    updated_at    TEXT    NOT NULL,                -- when it was set; `event` has what it was before
    PRIMARY KEY (model, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_by_version ON alias (version);

CREATE TABLE path (
    -- The names of leaves, each once.
    id    INTEGER PRIMARY KEY,                     -- what other tables call the row
    text  TEXT NOT NULL UNIQUE                     -- keys and indices joined by `/`, escaped as in RFC 6901:
                                                   -- `hidden.weight`, `optimizer/state/0/exp_avg`; '' for a
                                                   -- checkpoint that is one single value
) STRICT;

CREATE TABLE tensor (
    -- The content of a tensor, row-major and packed. Shared by all leaves of all versions with this content.
    id              INTEGER PRIMARY KEY,           -- what other tables call the row
    content_id      BLOB    NOT NULL UNIQUE        -- SHA-256 of type, shape and chunk ids
                    CHECK (length(content_id) = 32),
    dtype           TEXT    NOT NULL,              -- PyTorch's name without `torch.`: float32, bfloat16, …
    shape           TEXT    NOT NULL,              -- length of each axis; [] for a scalar
    byte_count      INTEGER NOT NULL CHECK (byte_count >= 0),  -- bytes of all elements
    -- Health, over all elements. NULL where the type has no such thing. `verify --rebuild` computes it again.
    nan_count       INTEGER,                       -- elements that are not a number
    infinity_count  INTEGER,                       -- elements that are infinite
    zero_count      INTEGER,                       -- elements that are zero, of either sign
    minimum         REAL,                          -- over finite elements; NULL if there are none
    maximum         REAL,                          -- over finite elements; NULL if there are none
    l2_norm         REAL                           -- square root of the sum of squares of finite elements
) STRICT;

CREATE TABLE pack (
    -- Encoded chunks, one after the other. Small ones share a row, since SQLite gives every blob whole pages.
    id          INTEGER PRIMARY KEY,               -- what other tables call the row
    byte_count  INTEGER NOT NULL,                  -- length of `bytes`
    bytes       BLOB    NOT NULL                   -- the chunks, at their `chunk.pack_offset`
) STRICT;

CREATE TABLE chunk (
    -- At most 1 MiB of a tensor's bytes. The decoded content of a row never changes; its encoding may.
    id                 INTEGER PRIMARY KEY,        -- what other tables call the row
    content_id         BLOB    NOT NULL UNIQUE     -- SHA-256 of the decoded bytes
                       CHECK (length(content_id) = 32),
    checksum           INTEGER NOT NULL,           -- CRC-32C of the decoded bytes, checked whenever they are read
    byte_count         INTEGER NOT NULL            -- length of the decoded bytes
                       CHECK (byte_count BETWEEN 1 AND 1048576),
    codec              INTEGER NOT NULL,           -- how it is encoded: docs/codec.md
    base               INTEGER REFERENCES chunk (id),
                                                   -- the chunk that a delta is a difference from; NULL: keyframe
    depth              INTEGER NOT NULL DEFAULT 0  -- deltas between here and the keyframe; 0: a keyframe
                       CHECK ((base IS NULL) = (depth = 0)),
    pack               INTEGER NOT NULL REFERENCES pack (id),
                                                   -- where the encoded bytes are
    pack_offset        INTEGER NOT NULL CHECK (pack_offset >= 0),
                                                   -- first encoded byte within the pack
    stored_byte_count  INTEGER NOT NULL CHECK (stored_byte_count >= 0)
                                                   -- length of the encoded bytes
) STRICT;
CREATE INDEX chunk_by_base ON chunk (base) WHERE base IS NOT NULL;
CREATE INDEX chunk_by_pack ON chunk (pack);

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
    version         INTEGER NOT NULL REFERENCES version (id) ON DELETE CASCADE,  -- whose leaf it is
    ordinal         INTEGER NOT NULL CHECK (ordinal >= 0),  -- position among the leaves of `structure`
    path            INTEGER NOT NULL REFERENCES path (id),  -- its name
    role            TEXT                           -- what a tensor is to its module; NULL: not known
                    CHECK (role IN ('parameter', 'buffer')),
    tensor          INTEGER REFERENCES tensor (id),  -- the tensor; NULL for a plain value
    -- Views. All NULL where the leaf is exactly its tensor and shares storage with no other leaf.
    storage         INTEGER,                       -- leaves of a version with the same number are tied: one storage
    storage_offset  INTEGER,                       -- first byte of the tensor within that storage
    view_id         BLOB,                          -- the content id that the leaf has on its own
    view_dtype      TEXT,                          -- the leaf's element type
    view_shape      TEXT,                          -- the leaf's shape
    view_strides    TEXT,                          -- elements between neighbours along each axis
    view_offset     INTEGER,                       -- the leaf's first byte within the tensor
    -- Plain values.
    value_kind      TEXT                           -- NULL for a tensor
                    CHECK (value_kind IN ('string', 'integer', 'number', 'boolean', 'none')),
    value           ANY,                           -- booleans as 0 and 1. A number that SQLite would change (NaN, -0)
                                                   -- is a blob of its 8 bytes; a text with a NUL is a blob of UTF-8
    PRIMARY KEY (version, ordinal),
    CHECK ((tensor IS NULL) = (value_kind IS NOT NULL)),
    CHECK ((storage IS NULL) = (storage_offset IS NULL)),
    CHECK ((view_id IS NULL) = (view_strides IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX parameter_by_tensor ON parameter (tensor) WHERE tensor IS NOT NULL;
CREATE INDEX parameter_by_path ON parameter (path, version);

CREATE TABLE source_file (
    -- The file that a version was saved from, where it can be given back byte for byte.
    version     INTEGER PRIMARY KEY REFERENCES version (id) ON DELETE CASCADE,  -- saved from it
    name        TEXT    NOT NULL,                  -- the file's name, without its folder
    format      TEXT    NOT NULL,                  -- safetensors, pytorch, …
    byte_count  INTEGER NOT NULL,                  -- length of the file
    content_id  BLOB    NOT NULL                   -- SHA-256 of `recipe`
                CHECK (length(content_id) = 32),
    recipe      BLOB    NOT NULL                   -- what lies between the tensors' bytes, and where these go:
                                                   -- docs/format.md, "Source files"
) STRICT;

CREATE TABLE metric (
    -- Numbers that say how good a version is.
    version  INTEGER NOT NULL REFERENCES version (id) ON DELETE CASCADE,  -- the version it is of
    name     TEXT    NOT NULL,                     -- such as `accuracy`
    step     INTEGER,                              -- when during training; NULL: of the version as a whole
    value    REAL                                  -- NULL: not a number
) STRICT;
CREATE UNIQUE INDEX metric_by_version ON metric (version, name, ifnull(step, -1));

CREATE TABLE attribute (
    -- Facts about a version that are not part of its content.
    version  INTEGER NOT NULL REFERENCES version (id) ON DELETE CASCADE,  -- the version it is of
    source   TEXT    NOT NULL                      -- who said it: the user, or the metadata of the file it came from
             CHECK (source IN ('user', 'file')),
    ordinal  INTEGER NOT NULL,                     -- order among those of one source
    key      TEXT    NOT NULL,                     -- such as `learning_rate`
    value    TEXT    NOT NULL,                     -- JSON
    PRIMARY KEY (version, source, ordinal),
    UNIQUE (version, source, key)
) STRICT, WITHOUT ROWID;

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
    name     TEXT    NOT NULL,                     -- file name, without folders
    content  INTEGER NOT NULL REFERENCES attachment_content (id),  -- its bytes
    PRIMARY KEY (version, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX attachment_by_content ON attachment (content);

CREATE TABLE event (
    -- What was done to the registry, by whom and when. Names rather than ids: an event outlives its version.
    id          INTEGER PRIMARY KEY,               -- rises with time
    at          TEXT NOT NULL,                     -- when
    actor       TEXT NOT NULL,                     -- user@host
    action      TEXT NOT NULL,                     -- save, alias set, alias rm, rm, restore, gc, …
    model       TEXT,                              -- the model's name
    number      INTEGER,                           -- the version's number
    alias       TEXT,                              -- the alias's name
    detail      TEXT                               -- JSON: more, such as the version that an alias named before
) STRICT;
CREATE INDEX event_by_model ON event (model, id);

CREATE TABLE packing_choice (
    -- Whether tensors of a name are shorter as differences from the next version. Found by a sample; tried again
    -- from time to time. Only saves time: rows may be deleted.
    path      INTEGER PRIMARY KEY REFERENCES path (id),     -- the name
    is_delta  INTEGER NOT NULL CHECK (is_delta IN (0, 1)),  -- 1: differences are shorter
    use_count INTEGER NOT NULL                              -- versions that went by it since it was found
) STRICT;

CREATE TABLE setting (
    -- Choices that belong to this registry. `packing.maximum_depth`: deltas between a chunk and its keyframe, at
    -- most (8 where there is no row). `packing.keyframe_interval`: of so many versions of a chunk in a row, one
    -- stays a keyframe (8).
    name   TEXT PRIMARY KEY,                       -- what is chosen
    value  ANY NOT NULL                            -- what it is set to
) STRICT, WITHOUT ROWID;

CREATE VIEW version_parameter AS
    -- For people: the tensors of all living versions by name.
    SELECT model.name AS model, version.number AS number, path.text AS path,
           ifnull(parameter.view_dtype, tensor.dtype) AS dtype, ifnull(parameter.view_shape, tensor.shape) AS shape,
           lower(hex(ifnull(parameter.view_id, tensor.content_id))) AS content_id,
           tensor.nan_count, tensor.infinity_count, tensor.zero_count, tensor.minimum, tensor.maximum, tensor.l2_norm
    FROM parameter
    JOIN version ON version.id = parameter.version AND version.deleted_at IS NULL
    JOIN model ON model.id = version.model
    JOIN path ON path.id = parameter.path
    JOIN tensor ON tensor.id = parameter.tensor;
