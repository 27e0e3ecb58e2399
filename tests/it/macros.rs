//! Tests routes written as attributes above their handlers.
//!
//! Not here: what the compiler says to mistakes (`../ui/macro_*.rs`), one example for each
//! attribute (the documentation of `ringlane-macros`).

use ringlane::testing::Client;
use ringlane::{Context, Method, Result, Routes, Server, StatusCode};

/// Synchronous.
#[ringlane::get("/hello")]
fn hello(ctx: Context) {
    ctx.text("hello");
}

#[ringlane::get("/users/{id:[0-9]+}")]
async fn user(ctx: Context) -> Result<String> {
    let user: u64 = ctx.param("id")?;
    ringlane::time::sleep(std::time::Duration::from_secs(1)).await;
    Ok(format!("user {user}"))
}

#[ringlane::route("/echo", methods(PUT, DELETE, TRACE,))]
async fn echo(ctx: Context) -> String {
    ctx.method().to_string()
}

/// A future by another way, a visibility, and a name that is a keyword.
#[ringlane::post("/match")]
#[inline]
pub(crate) fn r#match(_: Context) -> impl Future<Output = StatusCode> {
    std::future::ready(StatusCode::CREATED)
}

#[ringlane::get("/gone")]
#[cfg(not(test))]
fn absent(_: Context) {}

#[ringlane::get("/gone")]
#[cfg(test)]
fn absent(_: Context) -> StatusCode {
    StatusCode::GONE
}

mod elsewhere {
    use super::*;

    #[ringlane::get("/")]
    pub(super) fn hello(_: Context) -> &'static str {
        "elsewhere"
    }
}

fn all(routes: Routes) -> Routes {
    routes
        .endpoint(hello)
        .endpoint(user)
        .endpoint(echo)
        .endpoint(r#match)
        .endpoint(absent)
        .endpoint(elsewhere::hello)
}

#[track_caller]
fn check(client: &mut Client, request: (Method, &str), expected: (u16, &str)) {
    let answer = client.request(request.0.clone(), request.1).send();
    let answer = answer.expect("the server answers");
    let actual = (answer.status().as_u16(), answer.text());
    assert_eq!(actual, expected, "{request:?}");
}

#[test]
fn endpoints_answer_in_a_group_and_outside() {
    let server = Server::builder()
        .endpoint(hello)
        .group("/api", all)
        .get("/again", hello::handler)
        .build()
        .expect("it is well-formed");
    let client = &mut Client::new(server).expect("a simulated server starts");
    check(client, (Method::GET, "/hello"), (200, "hello"));
    check(client, (Method::GET, "/again"), (200, "hello"));
    check(client, (Method::GET, "/api/hello"), (200, "hello"));
    check(client, (Method::GET, "/api/users/7"), (200, "user 7"));
    check(client, (Method::DELETE, "/api/echo"), (200, "DELETE"));
    check(client, (Method::PUT, "/api/echo"), (200, "PUT"));
    check(client, (Method::GET, "/api"), (200, "elsewhere"));
    let created = client.post("/api/match").send().expect("it is answered");
    assert_eq!(created.status(), 201);
    let gone = client.get("/api/gone").send().expect("it is answered");
    assert_eq!(gone.status(), 410);
}

#[test]
fn methods_are_told_apart_as_for_other_routes() {
    let server = Server::builder().group("/api", all).build();
    let mut client = Client::new(server.expect("it is well-formed")).expect("it starts");
    let mut allowed = |method, target| {
        let answer = client.request(method, target).send();
        let answer = answer.expect("the server answers");
        let allow = answer.header("allow").map(str::to_owned);
        (answer.status().as_u16(), allow)
    };
    assert_eq!(allowed(Method::HEAD, "/api/users/7"), (200, None));
    let refused = |methods: &str| (405, Some(methods.to_owned()));
    assert_eq!(
        allowed(Method::POST, "/api/users/7"),
        refused("GET, HEAD, OPTIONS")
    );
    assert_eq!(allowed(Method::GET, "/api/match"), refused("POST, OPTIONS"));
    assert_eq!(allowed(Method::GET, "/hello"), (404, None));
}

#[ringlane::get("users")]
fn without_slash(_: Context) {}

#[ringlane::get("/users/{name}")]
fn user_by_name(_: Context) {}

#[ringlane::get("/users/{number}")]
fn user_by_number(_: Context) {}

#[test]
fn bad_patterns_are_errors_of_the_build() {
    let server = Server::builder()
        .endpoint(without_slash)
        .endpoint(user_by_name)
        .endpoint(user_by_number)
        .build();
    let error = server.expect_err("two routes are wrong").to_string();
    assert!(error.contains("route `GET users`"), "{error}");
    let conflict = "`GET /users/{number}` conflicts with `GET /users/{name}`";
    assert!(error.contains(conflict), "{error}");
}
