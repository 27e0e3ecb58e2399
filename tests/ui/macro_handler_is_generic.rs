//! A handler with a route of its own is generic.

#[ringlane::get("/")]
fn handler<T: Default + ToString>(_: ringlane::Context) -> String {
    T::default().to_string()
}

fn main() {}
