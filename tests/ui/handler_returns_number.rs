//! A handler returns what is no response.

fn main() {
    let _ = ringlane::Server::builder().get("/", |_| 5u32);
}
