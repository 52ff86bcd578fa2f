-- Views that answer questions about history from stored ids and health alone: no weights are read. They hold nothing
-- of their own. docs/queries.md is a page of queries over them.
--
-- "Previous" is the living version of the same model with the next lower number. Deleted versions are not there, also
-- before gc has removed their rows: what changed in one appears as changed in the next living version.

CREATE VIEW parameter_state AS
    -- Every leaf of every living version: tensors and plain values.
    SELECT model.name AS model,                    -- the model's name
           version.number AS number,               -- the version's number
           version.id AS version_id,               -- the version's row, as `metric`, `attribute`, … have it
           parameter.ordinal AS ordinal,           -- position among the version's leaves, from 0
           path.text AS path,                      -- the leaf's name
           parameter.role AS role,                 -- 'parameter', 'buffer'; NULL: not known, or a plain value
           ifnull(parameter.value_kind, 'tensor') AS kind,
                                                   -- 'tensor', or the kind of a plain value: 'string', 'integer', …
           parameter.value AS value,               -- of a plain value; what SQLite would change is a blob
           lower(hex(ifnull(parameter.view_id, tensor.content_id))) AS content_id,
                                                   -- of a tensor: 64 hexadecimal digits. '' for a plain value
           ifnull(parameter.view_dtype, tensor.dtype) AS dtype,
                                                   -- element type: 'float32', 'bfloat16', …
           ifnull(parameter.view_shape, tensor.shape) AS shape,
                                                   -- length of each axis: '[256,20]'
           parameter.storage AS storage,           -- leaves of one version with the same number are tied
           -- Health, from the stored tensor. NULL where the leaf is only a part of it, so that the stored figures
           -- would be those of more than the leaf; of an expanded tensor, that of the elements it repeats.
           iif(parameter.view_id IS NULL OR parameter.storage IS NULL, tensor.nan_count, NULL) AS nan_count,
                                                   -- elements that are not a number
           iif(parameter.view_id IS NULL OR parameter.storage IS NULL, tensor.infinity_count, NULL)
             AS infinity_count,                    -- elements that are infinite
           iif(parameter.view_id IS NULL OR parameter.storage IS NULL, tensor.zero_count, NULL) AS zero_count,
                                                   -- elements that are zero, of either sign
           iif(parameter.view_id IS NULL OR parameter.storage IS NULL, tensor.minimum, NULL) AS minimum,
                                                   -- over finite elements
           iif(parameter.view_id IS NULL OR parameter.storage IS NULL, tensor.maximum, NULL) AS maximum,
                                                   -- over finite elements
           iif(parameter.view_id IS NULL OR parameter.storage IS NULL, tensor.l2_norm, NULL) AS l2_norm
                                                   -- square root of the sum of squares of finite elements
    FROM parameter
    JOIN version ON version.id = parameter.version AND version.deleted_at IS NULL
    JOIN model ON model.id = version.model
    JOIN path ON path.id = parameter.path
    LEFT JOIN tensor ON tensor.id = parameter.tensor;

CREATE VIEW parameter_change AS
    -- What changed in each living version, leaf by leaf, compared with the previous one. In the first version of a
    -- model everything is added. The same words as `modelreg diff --json`, except that what was renamed is removed
    -- under one name and added under the other.
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
                                                   -- of what changed, joined by commas: 'type' (tensor or plain
                                                   -- value), 'dtype', 'shape', 'value', 'tie'
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
           old.value AS old_value,                 -- of a plain value
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
    -- Every living version, with what is known of it in one row.
    SELECT model.name AS model,                    -- the model's name
           version.number AS number,               -- the version's number
           version.id AS version_id,               -- the version's row, as `metric`, `attribute`, … have it
           model.name || ':v' || version.number AS reference,
                                                   -- as the command line names it: 'mlp:v3'
           lower(hex(version.content_id)) AS content_id,
                                                   -- same weights and structure, same id: 64 hexadecimal digits
           version.kind AS kind,                   -- 'state_dict', 'dictionary', 'tensor', …
           version.message AS message,             -- what its author said about it
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
                                                   -- the version that it was made from
           (SELECT group_concat(name, ', ') FROM (SELECT name FROM alias
              WHERE alias.version = version.id ORDER BY name)) AS aliases,
                                                   -- joined by commas; NULL where there are none
           (SELECT group_concat(name || '=' || ifnull(value, 'nan'), ' ') FROM (SELECT name, value FROM metric
              WHERE metric.version = version.id AND metric.step IS NULL ORDER BY name)) AS metrics
                                                   -- of the version as a whole: 'accuracy=0.97 loss=0.1'
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
           count(*) AS leaf_count                  -- leaves of these: more where it stands under several names
    FROM tensor
    JOIN parameter ON parameter.tensor = tensor.id
    JOIN version ON version.id = parameter.version AND version.deleted_at IS NULL
    GROUP BY tensor.id;

CREATE VIEW model_summary AS
    -- Every model, and what its living versions take.
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
                                                   -- models may have the same ones
    FROM model;
