//! Dynamic Routing and Path Parameters: `/api/v1/users/user1` as one pattern, compiled once.
//!
//! Always true here:
//! - What is not there is 404, another method 405 with `Allow`, a version that is not known 400.

use ringlane::{Builder, Context, Error, Json, Result};
use serde_json::{Value, json};

use crate::memory_management::Database;

const PAGE_ROWS: u32 = 2;
const LISTED_MAX: u32 = 100;

pub(crate) fn routes(server: Builder, database: &Database) -> Builder {
    let database = database.clone();
    server.get(
        r"/api/{version:v\d+}/{resource:\w+}/{id?:\w+}",
        move |ctx| dynamic_api_handler(ctx, database.clone()),
    )
}

async fn dynamic_api_handler(ctx: Context, database: Database) -> Result<Json<Value>> {
    let version: String = ctx.param("version")?;
    let resource: String = ctx.param("resource")?;
    let id: Option<String> = ctx.optional_param("id")?;
    let answer = match (version.as_str(), resource.as_str()) {
        ("v1", "users") => handle_users_v1(id, &database).await?,
        ("v2", "users") => handle_users_v2(id, &ctx, &database).await?,
        ("v1" | "v2", "posts") => handle_posts(&version, id, &database).await?,
        ("v1" | "v2", _) => return Err(Error::new(404, "there is no such resource")),
        _ => {
            let problem = format!("there is no version `{version}`");
            return Err(Error::new(400, problem).with_code("UNKNOWN_VERSION"));
        }
    };
    Ok(Json(answer))
}

struct User {
    id: String,
    name: String,
    email: String,
    created_at: String,
}

fn read_user(row: &rusqlite::Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: row.get(0)?,
        name: row.get(1)?,
        email: row.get(2)?,
        created_at: row.get(3)?,
    })
}

async fn user(id: String, database: &Database) -> Result<User> {
    let query = "SELECT id, name, email, created_at FROM users WHERE id = ?1";
    let user = database.run(move |connection| {
        let mut statement = connection.prepare(query)?;
        statement.query_map([id], read_user)?.next().transpose()
    });
    let missing = || Error::new(404, "there is no such user");
    user.await?.ok_or_else(missing)
}

async fn users(offset: u64, limit: u32, database: &Database) -> Result<(Vec<User>, u64)> {
    let query = "SELECT id, name, email, created_at FROM users ORDER BY id LIMIT ?1 OFFSET ?2";
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    let answer = database.run(move |connection| {
        let mut statement = connection.prepare(query)?;
        let users = statement.query_map((limit, offset), read_user)?;
        let users = users.collect::<Result<Vec<_>, _>>()?;
        let total = "SELECT count(*) FROM users";
        Ok((users, connection.query_row(total, (), |row| row.get(0))?))
    });
    let (users, total): (Vec<User>, i64) = answer.await?;
    Ok((users, total.unsigned_abs()))
}

async fn handle_users_v1(id: Option<String>, database: &Database) -> Result<Value> {
    if let Some(id) = id {
        let user = user(id, database).await?;
        return Ok(json!({ "user_id": user.id, "version": "v1", "name": user.name }));
    }
    let (users, _) = users(0, LISTED_MAX, database).await?;
    let ids: Vec<_> = users.into_iter().map(|user| user.id).collect();
    Ok(json!({ "users": ids, "version": "v1" }))
}

async fn handle_users_v2(id: Option<String>, ctx: &Context, database: &Database) -> Result<Value> {
    if let Some(id) = id {
        let user = user(id, database).await?;
        return Ok(json!({
            "user_id": user.id,
            "version": "v2",
            "profile": {
                "name": user.name,
                "email": user.email,
                "created_at": user.created_at,
            },
        }));
    }
    let page: u64 = ctx.optional_query("page")?.unwrap_or(1);
    let before = page.checked_sub(1);
    let before = before.ok_or_else(|| Error::new(400, "query parameter `page`: from 1 on"))?;
    let offset = before.saturating_mul(PAGE_ROWS.into());
    let (users, total) = users(offset, PAGE_ROWS, database).await?;
    let users = users.into_iter();
    let users: Vec<_> = users
        .map(|user| json!({ "id": user.id, "name": user.name }))
        .collect();
    Ok(json!({
        "users": users,
        "version": "v2",
        "pagination": { "page": page, "total": total },
    }))
}

async fn handle_posts(version: &str, id: Option<String>, database: &Database) -> Result<Value> {
    let message = format!("Posts API {version}");
    let query = "SELECT id, title FROM posts WHERE ?1 IS NULL OR id = ?1 ORDER BY id LIMIT ?2";
    let wanted = id.clone();
    let posts = database.run(move |connection| {
        let mut statement = connection.prepare(query)?;
        let posts = statement.query_map((wanted, LISTED_MAX), |row| {
            Ok(json!({ "id": row.get::<_, String>(0)?, "title": row.get::<_, String>(1)? }))
        })?;
        posts.collect::<Result<Vec<_>, _>>()
    });
    let posts = posts.await?;
    if id.is_some() && posts.is_empty() {
        return Err(Error::new(404, "there is no such post"));
    }
    Ok(json!({ "message": message, "id": id, "posts": posts }))
}
