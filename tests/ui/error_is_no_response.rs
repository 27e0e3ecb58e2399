//! The error of a handler is no response.

async fn handler(_: ringlane::Context) -> Result<(), std::num::ParseIntError> {
    Ok(())
}

fn main() {
    let _ = ringlane::Server::builder().get("/", handler);
}
