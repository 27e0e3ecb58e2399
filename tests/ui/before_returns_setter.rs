//! A `before` layer ends with a setter and no semicolon.

fn main() {
    let _ = ringlane::Server::builder().before(|ctx| ctx.set_header("X-A", "b"));
}
