//! Benchmarking Results: what requests cost, measured; and an endpoint that computes and waits.

use std::time::Duration;

use ringlane::middleware::Metrics;
use ringlane::{Builder, Context, Json, Result, time};
use serde_json::{Value, json};

use crate::memory_leak_detection::unix_seconds;
use crate::memory_management::Database;

/// What the article's database takes. Ours is faster, so the rest is slept.
const QUERY_TIME: Duration = Duration::from_millis(5);

pub(crate) fn routes(server: Builder, metrics: &Metrics, database: &Database) -> Builder {
    let (stats, database) = (metrics.clone(), database.clone());
    server
        .get("/performance", move |ctx| {
            performance_test_endpoint(ctx, database.clone())
        })
        .get("/stats", move |_| Json(stats.snapshot()))
        .get("/metrics", metrics.page())
}

/// `X-Processing-Time` is set by a layer around all routes.
async fn performance_test_endpoint(_: Context, database: Database) -> Result<Json<Value>> {
    let began = time::now();
    let data = perform_cpu_intensive_task();
    let db_result = query_database(&database).await?;
    Ok(Json(json!({
        "status": "success",
        "data": data,
        "db_result": db_result,
        "processing_time_ms": began.elapsed().as_secs_f64() * 1000.0,
        "timestamp": unix_seconds(),
    })))
}

fn perform_cpu_intensive_task() -> Vec<u64> {
    (0..1000).map(|i| calculate_fibonacci(i % 30)).collect()
}

fn calculate_fibonacci(n: u64) -> u64 {
    let (mut a, mut b) = (0, 1);
    for _ in 0..n {
        (a, b) = (b, a + b);
    }
    a
}

/// The wait comes first, and holds no connection: however many wait, few connections are needed.
async fn query_database(database: &Database) -> Result<Value> {
    let began = time::now();
    time::sleep(QUERY_TIME).await;
    let query = "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM posts)";
    let rows: i64 = database
        .run(move |connection| connection.query_row(query, (), |row| row.get(0)))
        .await?;
    Ok(json!({
        "query_result": "success",
        "rows": rows,
        "execution_time_ms": began.elapsed().as_secs_f64() * 1000.0,
    }))
}
