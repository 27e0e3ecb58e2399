//! A handler with a route of its own takes something else than a Context.

#[ringlane::get("/users/{name}")]
fn handler(name: String) -> String {
    name
}

fn main() {
    let _ = ringlane::Server::builder().endpoint(handler);
}
