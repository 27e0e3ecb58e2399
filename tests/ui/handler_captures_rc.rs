//! A handler captures what cannot be on several cores.

fn main() {
    let shared = std::rc::Rc::new(5u64);
    let _ = ringlane::Server::builder().get("/", move |_| ringlane::Json(*shared));
}
