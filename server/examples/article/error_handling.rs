//! Error Handling and Resilience: what the application's errors mean, panics that reach a monitor,
//! and trying again.
//!
//! Always true here:
//! - Every error is answered in JSON: `error`, `message`, `code`.
//! - What a database says is for the log; no client is told.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use ringlane::middleware::RateLimit;
use ringlane::{AppError, Builder, Context, Error, Json, Panic, Result, Retry};
use serde_json::{Value, json};

use crate::memory_management::Database;

const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(100);
/// Requests to `/limited` that one client may make in a minute.
const LIMITED: u32 = 5;
/// Reports that may wait for the monitor; more are only logged.
const REPORTS_MAX: usize = 64;

#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ApplicationError {
    #[error("Database connection failed: {0}")]
    Database(String),
    #[error("Authentication failed: {0}")]
    Authentication(String),
    #[error("Validation failed: {field}")]
    Validation { field: String },
    #[error("Rate limit exceeded")]
    RateLimit,
    #[error("Internal server error")]
    Internal,
}

impl ApplicationError {
    pub(crate) fn database(error: impl Display) -> Self {
        Self::Database(error.to_string())
    }

    pub(crate) fn validation(field: &str) -> Self {
        Self::Validation {
            field: field.to_owned(),
        }
    }

    fn is_retryable(&self) -> bool {
        match self {
            Self::Database(_) | Self::Internal => true,
            Self::Authentication(_) | Self::Validation { .. } | Self::RateLimit => false,
        }
    }
}

/// The article's `map_error_to_response`.
impl AppError for ApplicationError {
    fn to_error(&self) -> Error {
        match self {
            Self::Database(_) => Error::new(500, "Database operation failed").with_code("DB_ERROR"),
            Self::Authentication(message) => Error::new(401, message.clone())
                .with_code("AUTH_ERROR")
                .with_header("WWW-Authenticate", "Bearer"),
            Self::Validation { field } => {
                Error::new(400, format!("Validation failed for field: {field}"))
                    .with_code("VALIDATION_ERROR")
            }
            Self::RateLimit => Error::new(429, "Rate limit exceeded")
                .with_code("RATE_LIMIT")
                .with_header("Retry-After", "1"),
            Self::Internal => {
                Error::new(500, "An unexpected error occurred").with_code("INTERNAL_ERROR")
            }
        }
    }
}

/// Reports panics from a thread of its own: no core waits for it.
pub(crate) struct Monitor(SyncSender<String>);

impl Monitor {
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, receiver) = sync_channel(REPORTS_MAX);
        std::thread::Builder::new()
            .name("monitor".to_owned())
            .spawn(move || send_errors_to_monitoring(&receiver))?;
        Ok(Self(sender))
    }

    fn report(&self, panic: &Panic<'_>) {
        let id = panic.request_id().unwrap_or_default();
        let (method, target, message) = (panic.method(), panic.target(), panic.message());
        tracing::error!(%method, target, message, request_id = id, "Application panic occurred");
        let report = format!("{message} ({method} {target}, request {id})");
        // Full, or its thread has ended: the log has it.
        let _ = self.0.try_send(report);
    }
}

/// Writes them to the standard output: here a real one would be told.
fn send_errors_to_monitoring(reports: &Receiver<String>) {
    for report in reports {
        let _ = writeln!(io::stdout(), "Sending error to monitoring: {report}");
    }
}

/// What holds for errors of all routes.
pub(crate) fn answer_errors(server: Builder, monitor: Monitor) -> Builder {
    server
        .map_error(ApplicationError::to_error)
        .on_error(write_json)
        .on_panic(move |panic| monitor.report(panic))
}

fn write_json(ctx: &Context, error: &Error) {
    let body = json!({
        "error": error.status().canonical_reason().unwrap_or("Error"),
        "message": error.message(),
        "code": error.code(),
    });
    // If this failed, the usual answer would be sent.
    let _ = ctx.json(&body);
}

pub(crate) fn routes(server: Builder, database: &Database) -> Builder {
    let database = database.clone();
    server
        .get("/resilient", move |ctx| {
            resilient_request_handler(ctx, database.clone())
        })
        .get("/panic", |_| panic!("a handler that fails on purpose"))
        .group("/limited", |routes| {
            let limit = RateLimit::new(LIMITED, Duration::from_secs(60));
            routes.with(limit).get("/", |_| "within the limit")
        })
}

/// `?fail=database&times=2` has the first two attempts fail: a good database seldom does.
async fn resilient_request_handler(ctx: Context, database: Database) -> Result<Json<Value>> {
    let failure = ctx
        .query_text("fail")
        .map(|name| named(&name))
        .transpose()?;
    let times: u32 = ctx.optional_query("times")?.unwrap_or(u32::MAX);
    let mut attempts = 0;
    let answer = Retry::new()
        .attempts(ATTEMPTS)
        .pause(PAUSE)
        .run_if(ApplicationError::is_retryable, async || {
            attempts += 1;
            match &failure {
                Some(error) if attempts <= times => Err(error.clone()),
                Some(_) | None => process(&database).await,
            }
        })
        .await;
    ctx.set_header("X-Attempts", attempts.to_string());
    Ok(Json(answer?))
}

fn named(failure: &str) -> Result<ApplicationError> {
    Ok(match failure {
        "database" => ApplicationError::database("Connection timeout"),
        "authentication" => ApplicationError::Authentication("no such user".to_owned()),
        "validation" => ApplicationError::validation("email"),
        "rate-limit" => ApplicationError::RateLimit,
        "internal" => ApplicationError::Internal,
        _ => return Err(ApplicationError::validation("fail").into()),
    })
}

async fn process(database: &Database) -> Result<Value, ApplicationError> {
    let query = "SELECT count(*) FROM users";
    let users: i64 = database
        .run(move |connection| connection.query_row(query, (), |row| row.get(0)))
        .await?;
    Ok(json!({ "status": "success", "data": "processed", "users": users }))
}
