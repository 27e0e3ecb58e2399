//! A method has a route of its own.

struct Users;

impl Users {
    #[ringlane::get("/")]
    fn handler(&self, _: ringlane::Context) {}
}

fn main() {}
