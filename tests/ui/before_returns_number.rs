//! A `before` layer returns what says nothing of how to go on.

fn main() {
    let _ = ringlane::Server::builder().before(|_| 5u32);
}
