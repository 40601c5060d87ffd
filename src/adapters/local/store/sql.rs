//! How a statement is run: prepared once for each connection.

use rusqlite::{Connection, Params};

pub(super) type Sql<T> = rusqlite::Result<T>;

pub(super) fn exists(conn: &Connection, sql: &str, params: impl Params) -> Sql<bool> {
    conn.prepare_cached(sql)?.exists(params)
}

pub(super) fn execute(conn: &Connection, sql: &str, params: impl Params) -> Sql<usize> {
    conn.prepare_cached(sql)?.execute(params)
}
