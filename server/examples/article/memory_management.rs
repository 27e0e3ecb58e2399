//! Memory Management Optimization: a pool of connections to the database, and a path and its query
//! taken apart without a copy.
//!
//! Always true here:
//! - The pool has never more than `CONNECTIONS_MAX` connections; one goes back however its request
//!   ends.

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringlane::{Builder, Context, Error, Json, Manage, Pool, Result, blocking, time};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::error_handling::ApplicationError;

const CONNECTIONS_MAX: usize = 4;
const WAIT_TIME: Duration = Duration::from_secs(1);
/// How long a connection waits for another one that writes.
const BUSY_TIME: Duration = Duration::from_secs(2);

/// SQLite's data in the memory of this process: connections of one name share them.
const IN_MEMORY: &str = "file:/article?vfs=memdb";

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS records (
        id INTEGER PRIMARY KEY, owner TEXT NOT NULL, text TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS users (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, created_at TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS posts (id TEXT PRIMARY KEY, title TEXT NOT NULL);
    INSERT OR IGNORE INTO users VALUES
        ('user1', 'John Doe', 'john@example.com', '2023-01-01T00:00:00Z'),
        ('user2', 'Jane Roe', 'jane@example.com', '2023-02-03T04:05:06Z'),
        ('user3', 'Max Poe', 'max@example.com', '2024-06-07T08:09:10Z');
    INSERT OR IGNORE INTO posts VALUES ('post1', 'Hello'), ('post2', 'Hello again');";

/// Makes connections for a [`Pool`].
pub(crate) struct Sqlite {
    name: String,
    /// Data in memory are there as long as a connection is.
    _first: Mutex<Connection>,
}

impl Sqlite {
    fn connect(name: &str) -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(name, OpenFlags::default())?;
        connection.busy_timeout(BUSY_TIME)?;
        Ok(connection)
    }
}

impl Manage for Sqlite {
    type Resource = Connection;
    type Error = Error;

    async fn create(&self) -> Result<Connection> {
        let name = self.name.clone();
        Ok(blocking(move || Self::connect(&name)).await??)
    }
}

/// The article's `ConnectionPool<T>`, which waits for a connection that comes back.
#[derive(Clone)]
pub(crate) struct Database(Arc<Pool<Sqlite>>);

impl Database {
    pub(crate) fn open(path: Option<&Path>) -> rusqlite::Result<Self> {
        let name = path.map_or(Cow::Borrowed(IN_MEMORY), Path::to_string_lossy);
        let first = Sqlite::connect(&name)?;
        first.execute_batch(SCHEMA)?;
        let manager = Sqlite {
            name: name.into_owned(),
            _first: Mutex::new(first),
        };
        let pool = Pool::builder(manager)
            .max(CONNECTIONS_MAX)
            .wait_time(WAIT_TIME);
        Ok(Self(Arc::new(pool.build())))
    }

    /// Runs a query where it may block. The connection goes back from there.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ApplicationError> {
        let connection = self.0.take().await.map_err(ApplicationError::database)?;
        let answer = blocking(move || query(&connection)).await;
        answer
            .map_err(ApplicationError::database)?
            .map_err(ApplicationError::database)
    }
}

pub(crate) fn routes(server: Builder, database: &Database) -> Builder {
    let (shown, held, broken) = (database.clone(), database.clone(), database.clone());
    server
        .get("/pool", move |_| Json(status(&shown)))
        .get("/pool/hold", move |ctx| hold(ctx, held.clone()))
        .post("/pool/break", move |_| discard(broken.clone()))
        .get("/split/{*rest?}", split)
}

fn status(database: &Database) -> Value {
    let status = database.0.status();
    json!({
        "max": CONNECTIONS_MAX,
        "alive": status.alive,
        "idle": status.idle,
        "waiting": status.waiting,
    })
}

/// Keeps a connection for `?millis=…`, as a slow query would.
async fn hold(ctx: Context, database: Database) -> Result<Json<Value>> {
    let millis = ctx.query("millis")?;
    let connection = database
        .0
        .take()
        .await
        .map_err(ApplicationError::database)?;
    let held = status(&database);
    time::sleep(Duration::from_millis(millis)).await;
    drop(connection);
    Ok(Json(held))
}

/// Takes a connection that turned out to be broken: another is made when one is needed.
async fn discard(database: Database) -> Result<Json<Value>> {
    let connection = database
        .0
        .take()
        .await
        .map_err(ApplicationError::database)?;
    connection.discard();
    Ok(Json(status(&database)))
}

/// The article's `process_request_path_efficiently`: the path, and the pairs of the query, all of
/// them parts of the target. Without a map: nothing is allocated. Pairs without `=` have no value.
fn split_target(target: &str) -> (&str, impl Iterator<Item = (&str, &str)>) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    (path, pairs)
}

/// Shows the parts of its own target, whether each lies within it, and what the framework makes of
/// the same query.
fn split(ctx: Context) -> Result {
    let target = ctx.target();
    let lies_within = |part: &str| target.as_bytes().as_ptr_range().contains(&part.as_ptr());
    let (path, pairs) = split_target(target);
    let is_borrowed = |(key, value): &(Cow<'_, str>, Cow<'_, str>)| {
        matches!((key, value), (Cow::Borrowed(_), Cow::Borrowed(_)))
    };
    let params: Vec<_> = pairs.collect();
    let mut parts = params.iter().flat_map(|(key, value)| [*key, *value]);
    ctx.json(&json!({
        "path": path,
        "params": &params,
        "is_zero_copy": lies_within(path)
            && parts.all(|part| part.is_empty() || lies_within(part)),
        "decoded": ctx.query_pairs().collect::<Vec<_>>(),
        "is_decoded_without_copy": ctx.query_pairs().all(|pair| is_borrowed(&pair)),
    }))
}
