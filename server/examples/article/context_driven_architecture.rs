//! Context-Driven Architecture: one Context from which all of a request is read, and by which all
//! of a response is written; tokens, and what their owners may do.
//!
//! Always true here:
//! - Nobody reads or writes a record without a token that was verified.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringlane::middleware::auth::{Algorithm, Bearer, Jwt, Key, Require, Verifier};
use ringlane::{Builder, Context, Json, Result, Routes};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error_handling::ApplicationError;
use crate::memory_management::Database;
use crate::technical_foundation::{ApplicationConfig, ConfigError};

const TEXT_CHARS_MAX: usize = 1000;
const LISTED_MAX: u32 = 100;

/// What a token says of its owner.
#[derive(Deserialize)]
struct AuthResult {
    #[serde(rename = "sub")]
    user_id: String,
    #[serde(default)]
    permissions: Vec<String>,
}

impl AuthResult {
    fn may(&self, permission: &str) -> bool {
        self.permissions.iter().any(|known| known == permission)
    }
}

pub(crate) fn routes(
    server: Builder,
    config: &ApplicationConfig,
    database: &Database,
) -> Result<Builder, ConfigError> {
    let tokens = Arc::new(Jwt::<AuthResult>::new(key(config)?));
    let bearer = || {
        let tokens = Arc::clone(&tokens);
        Bearer::new(move |ctx: &Context, token: &str| tokens.verify(ctx, token)).realm("records")
    };
    let may = |permission| {
        Require::new(permission, move |user: &AuthResult| user.may(permission)).realm("records")
    };
    let database = || database.clone();
    let (list, create, change, remove) = (database(), database(), database(), database());
    let readers = |routes: Routes| {
        let routes = routes.with(bearer()).with(may("read"));
        routes.get("/", move |ctx| handle_get_request(ctx, list.clone()))
    };
    let writers = |routes: Routes| {
        let routes = routes.with(bearer()).with(may("write"));
        routes
            .post("/", move |ctx| handle_post_request(ctx, create.clone()))
            .put("/", move |ctx| handle_put_request(ctx, change.clone()))
            .delete("/", move |ctx| handle_delete_request(ctx, remove.clone()))
    };
    Ok(server
        .any("/inspect", inspect)
        .group("/records", readers)
        .group("/records", writers))
}

/// Without a secret, one that nobody knows.
fn key(config: &ApplicationConfig) -> Result<Key, ConfigError> {
    let wrong = |error: &dyn std::fmt::Display| ConfigError::new("jwt_secret", error);
    let mut unknown = [0; 32];
    let secret = match &config.jwt_secret {
        Some(secret) => secret.as_bytes(),
        None => {
            aws_lc_rs::rand::fill(&mut unknown).map_err(|error| wrong(&error))?;
            &unknown
        }
    };
    Key::secret(Algorithm::Hs256, secret).map_err(|error| wrong(&error))
}

/// All that can be known of a request.
async fn inspect(ctx: Context) -> Result {
    let body = ctx.body().text().await?;
    let headers: BTreeMap<String, String> = ctx
        .headers()
        .map(|(name, value)| {
            (
                name.to_ascii_lowercase(),
                String::from_utf8_lossy(value).into(),
            )
        })
        .collect();
    let seen = json!({
        "method": ctx.method().as_str(),
        "path": ctx.path(),
        "query": ctx.query_pairs().collect::<Vec<_>>(),
        "headers": headers,
        "authorization": ctx.header("Authorization"),
        "body": body,
        "peer": ctx.peer_address().map(|address| address.to_string()),
    });
    ctx.set_status(200)
        .set_header("X-Inspected", "yes")
        .json(&seen)
}

#[derive(Serialize)]
struct Record {
    id: i64,
    owner: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    id: Option<i64>,
    text: String,
}

fn owner(ctx: &Context) -> Result<String, ApplicationError> {
    let user = ctx.get::<AuthResult>();
    let user = user.ok_or_else(|| ApplicationError::Authentication("no token".to_owned()))?;
    Ok(user.user_id.clone())
}

/// The owner's records, or those that hold a text: `?contains=…`.
async fn handle_get_request(ctx: Context, database: Database) -> Result<Json<Value>> {
    let owner = owner(&ctx)?;
    let contains = ctx
        .optional_query::<String>("contains")?
        .unwrap_or_default();
    let records = database.run(move |connection| {
        let query = "SELECT id, owner, text FROM records \
                     WHERE owner = ?1 AND instr(text, ?2) > 0 OR owner = ?1 AND ?2 = '' \
                     ORDER BY id LIMIT ?3";
        let mut statement = connection.prepare(query)?;
        let rows = statement.query_map((owner, contains, LISTED_MAX), |row| {
            Ok(Record {
                id: row.get(0)?,
                owner: row.get(1)?,
                text: row.get(2)?,
            })
        })?;
        rows.collect::<Result<Vec<_>, _>>()
    });
    Ok(Json(json!({ "records": records.await? })))
}

async fn handle_post_request(ctx: Context, database: Database) -> Result {
    let (owner, draft) = (owner(&ctx)?, draft(&ctx).await?);
    let text = draft.text.clone();
    let query = "INSERT INTO records (owner, text) VALUES (?1, ?2) RETURNING id";
    let id = database.run(move |connection| {
        connection.query_row(query, (owner, text), |row| row.get::<_, i64>(0))
    });
    ctx.set_status(201)
        .json(&json!({ "id": id.await?, "text": draft.text }))
}

async fn handle_put_request(ctx: Context, database: Database) -> Result {
    let (owner, draft) = (owner(&ctx)?, draft(&ctx).await?);
    let id = draft.id.ok_or_else(|| ApplicationError::validation("id"))?;
    let text = draft.text.clone();
    let query = "UPDATE records SET text = ?3 WHERE owner = ?1 AND id = ?2";
    let changed = database.run(move |connection| connection.execute(query, (owner, id, text)));
    found(changed.await?)?;
    ctx.json(&json!({ "id": id, "text": draft.text }))
}

/// `?id=…`
async fn handle_delete_request(ctx: Context, database: Database) -> Result {
    let (owner, id) = (owner(&ctx)?, ctx.query::<i64>("id")?);
    let query = "DELETE FROM records WHERE owner = ?1 AND id = ?2";
    let changed = database.run(move |connection| connection.execute(query, (owner, id)));
    found(changed.await?)?;
    ctx.json(&json!({ "deleted": id }))
}

async fn draft(ctx: &Context) -> Result<Draft> {
    let draft: Draft = ctx.body().json().await?;
    if draft.text.is_empty() || draft.text.chars().count() > TEXT_CHARS_MAX {
        return Err(ApplicationError::validation("text").into());
    }
    Ok(draft)
}

fn found(changed: usize) -> Result {
    match changed {
        0 => Err(ringlane::Error::new(404, "there is no such record")),
        _ => Ok(()),
    }
}
