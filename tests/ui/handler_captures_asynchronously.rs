//! An asynchronous closure captures.

fn main() {
    let shared = std::sync::Arc::new(5u64);
    let _ = ringlane::Server::builder().get("/", async move |_| ringlane::Json(*shared));
}
