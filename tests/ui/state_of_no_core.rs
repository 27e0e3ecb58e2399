//! State that is no `'static` value is registered.

fn main() {
    let text = String::new();
    let _ = ringlane::Server::builder().state(|_| text.as_str());
}
