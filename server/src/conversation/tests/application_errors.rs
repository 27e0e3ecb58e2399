//! Errors of an application: what each variant means is said once, and holds wherever it arises.

use std::cell::Cell;
use std::rc::Rc;

use super::{Talk, check, server};
use crate::testing::Client;
use crate::{AppError, Builder, Context, Error, Outcome, Result};

#[derive(Debug, thiserror::Error)]
enum ApplicationError {
    #[error("Database connection failed: {0}")]
    Database(String),
    #[error("Authentication failed: {0}")]
    Authentication(String),
    #[error("Validation failed for field: {field}")]
    Validation { field: String },
    #[error("Rate limit exceeded")]
    RateLimit,
    #[error("Internal server error")]
    Internal(#[from] std::io::Error),
}

impl AppError for ApplicationError {
    fn to_error(&self) -> Error {
        match self {
            Self::Database(_) => Error::new(500, "Database operation failed").with_code("DB_ERROR"),
            Self::Authentication(problem) => Error::new(401, problem.clone())
                .with_code("AUTH_ERROR")
                .with_header("WWW-Authenticate", "Bearer"),
            Self::Validation { .. } => {
                Error::new(400, self.to_string()).with_code("VALIDATION_ERROR")
            }
            Self::RateLimit => Error::new(429, self.to_string())
                .with_code("RATE_LIMIT")
                .with_header("Retry-After", "1"),
            Self::Internal(_) => {
                Error::new(500, "An unexpected error occurred").with_code("INTERNAL_ERROR")
            }
        }
    }
}

fn fail(ctx: &Context) -> std::result::Result<(), ApplicationError> {
    match ctx.param_text("kind").unwrap_or_default() {
        "database" => Err(ApplicationError::Database("secret".into())),
        "authentication" => Err(ApplicationError::Authentication("expired".into())),
        "validation" => Err(ApplicationError::Validation {
            field: "age".into(),
        }),
        "rate" => Err(ApplicationError::RateLimit),
        "internal" => Ok(Err(std::io::Error::other("secret"))?),
        _ => Ok(()),
    }
}

/// The same error by every way that leads out of a handler or a layer.
fn routes() -> Builder {
    let onion = async |ctx: Context, _: crate::Next| -> Result { Ok(fail(&ctx)?) };
    let of_its_type = |ctx: Context| fail(&ctx);
    server()
        .map_error(ApplicationError::to_error)
        .get("/typed/{kind}", of_its_type)
        .get("/later/{kind}", async |ctx: Context| fail(&ctx))
        .get("/any/{kind}", |ctx: Context| -> Result { Ok(fail(&ctx)?) })
        .group("/before", move |routes| {
            routes.before(fail).get("/{kind}", |_| "not this")
        })
        .group("/onion", move |routes| {
            routes.wrap(onion).get("/{kind}", |_| "not this")
        })
}

#[test]
fn each_variant_has_its_status_code_and_message() {
    for way in ["typed", "later", "any", "before", "onion"] {
        for (kind, status, error, message, code) in [
            (
                "database",
                500,
                "Internal Server Error",
                "Database operation failed",
                "DB_ERROR",
            ),
            (
                "authentication",
                401,
                "Unauthorized",
                "expired",
                "AUTH_ERROR",
            ),
            (
                "validation",
                400,
                "Bad Request",
                "Validation failed for field: age",
                "VALIDATION_ERROR",
            ),
            (
                "rate",
                429,
                "Too Many Requests",
                "Rate limit exceeded",
                "RATE_LIMIT",
            ),
            (
                "internal",
                500,
                "Internal Server Error",
                "An unexpected error occurred",
                "INTERNAL_ERROR",
            ),
        ] {
            let mut client = Client::new(routes().build().unwrap()).unwrap();
            let request = client.get(&format!("/{way}/{kind}"));
            let answer = request.header("Accept", "application/json").send().unwrap();
            assert_eq!(answer.status(), status, "{way} {kind}");
            let body = format!(r#"{{"error":"{error}","message":"{message}","code":"{code}"}}"#);
            assert_eq!(answer.text(), body, "{way} {kind}");
            let retry_after = (status == 429).then_some("1");
            assert_eq!(answer.header("retry-after"), retry_after, "{way} {kind}");
            let scheme = (status == 401).then_some("Bearer");
            assert_eq!(answer.header("www-authenticate"), scheme, "{way} {kind}");
        }
    }
}

#[test]
fn the_log_has_the_error_and_its_source() {
    let explained = ApplicationError::Internal(std::io::Error::other("disk 7"));
    let error = explained.to_error().with_source(explained);
    assert_eq!(
        format!("{error:?}"),
        "500 An unexpected error occurred: Internal server error: disk 7"
    );
}

#[test]
fn an_error_of_which_nothing_was_said_stays_hidden() {
    let silent = || server().get("/", |_| -> Result { Err(ApplicationError::RateLimit)? });
    let input = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    check(silent, input, "500 internal server error");
    // One that a handler has explained is not explained again.
    let explained = || {
        let handler = |_| -> Result {
            let error = Error::new(409, "mine").with_source(ApplicationError::RateLimit);
            Err(error)
        };
        server()
            .map_error(ApplicationError::to_error)
            .get("/", handler)
    };
    check(explained, input, "409 mine");
}

#[test]
fn a_type_that_has_a_meaning_by_itself_can_be_given_another() {
    fn mapped() -> Builder {
        server()
            .map_error(|_: &std::num::ParseIntError| Error::new(422, "no number"))
            .get("/number/{text}", |ctx: Context| -> Result {
                let _: u8 = ctx.param_text("text").unwrap_or_default().parse()?;
                Ok(())
            })
            .get("/coded/{text}", |ctx: Context| -> Result {
                let text = ctx.param_text("text").unwrap_or_default();
                let parsed = text.parse::<u8>();
                parsed.map_err(|error| Error::from(error).with_code("MINE"))?;
                Ok(())
            })
    }
    let end = "HTTP/1.1\r\nHost: a\r\n\r\n";
    check(mapped, &format!("GET /number/x {end}"), "422 no number");
    check(mapped, &format!("GET /number/300 {end}"), "422 no number");
    let own = "400 invalid digit found in string";
    check(mapped, &format!("GET /coded/x {end}"), own);
}

#[test]
fn all_errors_can_have_a_page_of_their_own() {
    fn paged() -> Builder {
        routes()
            .on_error(|ctx, error| match error.status().as_u16() {
                404 | 405 | 413 | 429 | 500 => ctx.html(format!("<{}>", error.code())),
                410 => {
                    ctx.html("half");
                    panic!("in a page");
                }
                _ => {}
            })
            .get("/gone", |_| -> Result { Err(Error::new(410, "gone")) })
            .get("/panic", |_| -> &'static str { panic!("in a handler") })
            .get("/fault", |ctx: Context| ctx.redirect(200, "/"))
            .post("/body", async |ctx: Context| {
                ctx.set_body_limit(1).body().text().await
            })
    }
    let end = "HTTP/1.1\r\nHost: a\r\n\r\n";
    for (line, expected) in [
        ("GET /none", "404 <NOT_FOUND>"),
        ("PUT /body", "405 <METHOD_NOT_ALLOWED>"),
        ("GET /any/rate", "429 <RATE_LIMIT>"),
        ("GET /fault", "500 <INTERNAL_SERVER_ERROR>"),
        ("GET /panic", "500 close <INTERNAL_SERVER_ERROR> | end"),
        ("GET /any/authentication", "401 expired"),
        ("GET /gone", "410 gone"),
    ] {
        check(paged, &format!("{line} {end}"), expected);
    }
    let large = "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab";
    check(paged, large, "413 <PAYLOAD_TOO_LARGE>");
    let heard = Talk::with(paged()).send(format!("PUT /body {end}")).text();
    assert!(heard.contains("Allow: POST, OPTIONS\r\n"), "{heard}");
    assert!(heard.contains("Content-Type: text/html"), "{heard}");
}

#[test]
fn layers_see_that_it_failed() {
    let seen = |ctx: Context, next: crate::Next| async move {
        let outcome = next.run(&ctx).await;
        ctx.set_header("X-Failed", (outcome == Outcome::Failed).to_string());
    };
    let mut talk = Talk::with(routes().wrap(async move |ctx, next| seen(ctx, next).await));
    let heard = talk
        .send("GET /any/rate HTTP/1.1\r\nHost: a\r\n\r\n")
        .text();
    assert!(heard.contains("X-Failed: true\r\n"), "{heard}");
}

#[test]
fn stored_values_end_with_their_request() {
    struct Dropped(Rc<Cell<u32>>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let server = server()
        .state(|_| Rc::new(Cell::new(0_u32)))
        .get("/", |ctx: Context| {
            let count = ctx.state::<Rc<Cell<u32>>>();
            assert!(ctx.get::<Dropped>().is_none(), "of another request");
            ctx.insert(Dropped(Rc::clone(count)));
            assert!(ctx.get::<Dropped>().is_some());
            ctx.text(count.get().to_string());
        });
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    Talk::with(server)
        .send(get.repeat(3))
        .expect("200 0 | 200 1 | 200 2");
}

#[test]
fn layers_see_the_500_that_a_mistake_in_a_write_becomes() -> Result {
    use std::sync::Mutex;
    static SEEN: Mutex<Vec<u16>> = Mutex::new(Vec::new());
    let server = crate::Server::builder()
        .after(|ctx| {
            let mut seen = SEEN.lock().expect("no test panicked with it");
            seen.push(ctx.status().as_u16());
        })
        .get("/header", |ctx: Context| {
            ctx.set_header("X", "a\r\nb").set_status(201).text("made");
        })
        .get("/redirect", |ctx: Context| ctx.redirect(200, "/"))
        .build()?;
    let mut client = Client::new(server)?;
    assert_eq!(client.get("/header").send()?.status(), 500);
    assert_eq!(client.get("/redirect").send()?.status(), 500);
    assert_eq!(*SEEN.lock().expect("no test panicked with it"), [500, 500]);
    Ok(())
}
