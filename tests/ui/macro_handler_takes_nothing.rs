//! A handler with a route of its own takes no Context.

#[ringlane::get("/")]
async fn handler() -> &'static str {
    "x"
}

fn main() {}
