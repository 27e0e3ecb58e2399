//! What a monitor learns of panics, and that it cannot make them worse.

use std::panic::{panic_any, resume_unwind};
use std::sync::{Arc, Mutex};

use super::super::RequestId;
use crate::testing::Client;
use crate::{Builder, Server};

/// Panics when it is dropped, with another of its kind.
struct Bomb(u8);

impl Drop for Bomb {
    fn drop(&mut self) {
        if let Some(left) = self.0.checked_sub(1) {
            resume_unwind(Box::new(Self(left)));
        }
    }
}

fn server() -> Builder {
    Server::builder()
        .get("/", |_| "ok")
        .get("/text", |_| panic!("of {}", "text"))
        .get("/literal", async |_| panic!("of a literal"))
        .get("/value", |_| panic_any(7_u8))
        .get("/bomb", |_| resume_unwind(Box::new(Bomb(3))))
        .group("/after", |routes| {
            routes
                .after(|_| panic!("in an after-part"))
                .get("/", |_| "ok")
        })
        .group("/onion", |routes| {
            routes
                .wrap(async |_, _| -> () { panic!("in an onion") })
                .get("/", |_| "ok")
        })
}

#[test]
fn a_monitor_is_told_of_every_panic() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let monitor = Arc::clone(&seen);
    let server = server()
        .with(RequestId::new().header("X-Trace"))
        .on_panic(move |panic| {
            let line = format!("{} {} {}", panic.method(), panic.target(), panic.message());
            let number = panic.payload().downcast_ref::<u8>().copied();
            let id = panic.request_id().expect("the layer was reached");
            let mut seen = monitor.lock().expect("no test panicked with it");
            seen.push((line, number, id));
        });
    let mut client = Client::new(server.build().expect("valid")).expect("a core is free");
    let rows = [
        ("/text?a=1", "of text", None),
        ("/literal", "of a literal", None),
        ("/value", "a value that is no text", Some(7)),
        ("/after", "in an after-part", None),
        ("/onion", "in an onion", None),
    ];
    for (target, message, number) in rows {
        let answer = client.get(target).send().expect("an answer");
        assert_eq!(answer.status(), 500, "{target}");
        assert_eq!(answer.text(), "internal server error");
        let id = answer.header("x-trace").expect("an id").to_owned();
        let told = std::mem::take(&mut *seen.lock().expect("no test panicked with it"));
        assert_eq!(told, [(format!("GET {target} {message}"), number, id)]);
    }
}

#[test]
fn a_monitor_that_panics_harms_nobody() {
    let server = server().on_panic(|_| resume_unwind(Box::new(Bomb(3))));
    let mut client = Client::new(server.build().expect("valid")).expect("a core is free");
    for _ in 0..3 {
        assert_eq!(client.get("/text").send().expect("an answer").status(), 500);
        assert_eq!(client.get("/").send().expect("an answer").text(), "ok");
    }
}

#[test]
fn a_panics_value_may_panic_when_it_is_dropped() {
    let mut client = Client::new(server().build().expect("valid")).expect("a core is free");
    for _ in 0..3 {
        assert_eq!(client.get("/bomb").send().expect("an answer").status(), 500);
        assert_eq!(client.get("/").send().expect("an answer").text(), "ok");
    }
}
