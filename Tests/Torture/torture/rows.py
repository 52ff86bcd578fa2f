"""Numbers and texts in rows change, by somebody who knows SQL. What must hold is what `damage` asks for."""

import sqlite3

from damage import damaged

# What is tried each time: figures from which lengths, offsets and numbers of rows are computed.
TABLE = [
    "UPDATE tensor SET shape = '[4611686018427387904,4]'", "UPDATE tensor SET shape = '[-1]'",
    "UPDATE tensor SET shape = '[9223372036854775807]'", "UPDATE tensor SET shape = '[75000,0]'",
    "UPDATE tensor SET byte_count = 4611686018427387904", "UPDATE tensor SET byte_count = 9223372036854775807",
    "UPDATE tensor SET byte_count = -1", "UPDATE tensor_chunk SET ordinal = ordinal + 1000000000000",
    "UPDATE tensor_chunk SET ordinal = 9223372036854775807 WHERE tensor = (SELECT max(tensor) FROM tensor_chunk)",
    "UPDATE tensor_chunk SET ordinal = -1 - ordinal", "UPDATE source_file SET byte_count = -1",
    "UPDATE source_file SET byte_count = 9223372036854775807", "UPDATE chunk SET byte_count = -1",
    "UPDATE chunk SET byte_count = 9223372036854775807", "UPDATE chunk SET pack_offset = -1",
    "UPDATE chunk SET pack_offset = 9223372036854775807", "UPDATE chunk SET stored_byte_count = -1",
    "UPDATE chunk SET stored_byte_count = 9223372036854775807", "UPDATE chunk SET depth = -1",
    "UPDATE chunk SET depth = 9223372036854775807", "UPDATE chunk SET codec = -1", "UPDATE chunk SET checksum = -1",
    "UPDATE chunk SET base = id", "UPDATE pack SET byte_count = -1", "UPDATE pack SET bytes = zeroblob(0)",
    "UPDATE version SET message = hex(zeroblob(25000000))", "UPDATE version SET number = number + 9223372036854775800",
    "UPDATE model SET next_number = 9223372036854775807", "UPDATE model SET next_number = -1",
    "UPDATE parameter SET ordinal = ordinal + 1000000000000",
]

# What somebody writes who means harm, in place of a number, a text or bytes.
HOSTILE = [
    "-1", "0", "1", "2", "4611686018427387904", "9223372036854775807", "-9223372036854775808", "1000000000000", "NULL",
    "1e308", "-0.0", "9e999", "''", "'[-1]'", "'[9223372036854775807,4]'", "'[4611686018427387904,2]'", "'[0]'",
    "'[1,1,1,1,1,1,1,1,1]'", "'[' || hex(zeroblob(100000)) || ']'", "'float16'", "'complex128'", "'float4_e2m1fn_x2'",
    "'../../x'", "'/'", "char(0)", "char(27) || '[2J'", "hex(zeroblob(3000000))", "zeroblob(32)", "zeroblob(2000000)",
    "x'00'", "'{\"dict\":[[\"a\",\"tensor\"]]}'", "replace(hex(zeroblob(20000)), '00', '{\"list\":[')",
    "'tensor'", "'9999-99-99T99:99:99.999Z'", "'state_dict'", "id + 1", "-id",
]


def change_rows(path, generator):
    """Changes a column of one row or of all, past all constraints; now and then replaces a table by a view.

    Returns: What was done.
    """
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    tables = [
        name for name, in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if not name.startswith("sqlite_") and name != "grdb_migrations"]
    while True:
        table = generator.choice(tables)
        column = generator.choice([row[1] for row in connection.execute(f"PRAGMA table_info({table})")])
        value = generator.choice(HOSTILE)
        rows = generator.choice(["", " LIMIT 1", " LIMIT 1 OFFSET 1"])
        where = f"WHERE {column} IN (SELECT {column} FROM {table}{rows})" if rows else ""
        sql = f"UPDATE OR IGNORE {table} SET {column} = {value} {where}"
        if generator.random() < 0.03:
            sql = f"ALTER TABLE {table} RENAME TO old; CREATE VIEW {table} AS " + generator.choice([
                f"SELECT * FROM {table}", "SELECT * FROM old", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
                " SELECT old.* FROM n, old"])
        try:
            connection.executescript(sql)
            if not sql.startswith("UPDATE") or connection.total_changes:
                return sql
        except sqlite3.Error:
            connection.rollback()


def run(options, work, generator):
    edits = iter(TABLE)

    def change(path, generator):
        sql = next(edits, None)
        if sql is None:
            return change_rows(path, generator)
        connection = sqlite3.connect(path)
        connection.executescript("PRAGMA ignore_check_constraints = ON;" + sql)
        connection.close()
        return sql

    options.runs += len(TABLE)
    return damaged(options, work, generator, change)
