//! What clients see of the built-in layers, on answers of every kind.

mod counters;
mod panics;
mod timeouts;

use std::collections::HashSet;

use ringlane_protocol::RESPONSE_HEADER_BYTES_MAX;

use super::{AccessLog, Compression, Cors, RequestId, SecurityHeaders};
use crate::testing::{Answer, Client, logged};
use crate::{Builder, Bytes, Context, Error, Method, ResponseHeaders, Result, Server, StatusCode};

fn routes(server: Builder) -> Builder {
    server
        .get("/", |_| "ok")
        .get("/error", |_: Context| -> Result<()> {
            Err(Error::new(StatusCode::CONFLICT, "no"))
        })
        .get("/panic", |_: Context| -> String { panic!("on purpose") })
        .get("/stream", async |ctx: Context| -> Result {
            let mut stream = ctx.stream()?;
            stream.send(Bytes::from_static(b"streamed")).await?;
            stream.finish();
            Ok(())
        })
        .post("/options", |_| "posted")
        .options("/options", |_| "handler")
}

const PATHS: [(&str, u16); 5] = [
    ("/", 200),
    ("/error", 409),
    ("/panic", 500),
    ("/stream", 200),
    ("/nowhere", 404),
];

fn client(server: Builder) -> Client {
    let server = routes(server).build().expect("the routes are well-formed");
    Client::new(server).expect("a core is free for the test")
}

fn get(client: &mut Client, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask(client, Method::GET, path, headers)
}

fn ask(client: &mut Client, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = client.request(method, path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    request.send().expect("an answer")
}

#[test]
fn a_security_header_that_cannot_be_sent_is_named_at_build() {
    let headers = SecurityHeaders::new()
        .set("X-Frame-Options", "DENY\r\nSet-Cookie: a=b")
        .set("Connection", "close");
    let within = headers.clone();
    let server = Server::builder()
        .with(headers)
        .group("/a", |routes| routes.with(within).get("/", |_| "ok"));
    let error = server.build().unwrap_err();
    let problems: Vec<_> = error.problems().map(ToString::to_string).collect();
    let frame = "header \"X-Frame-Options\": invalid header value";
    let connection = "header \"Connection\": the server alone sets connection";
    assert_eq!(problems, [frame, connection, frame, connection]);
}

#[test]
fn every_answer_has_the_security_headers() {
    let proxies = Server::builder().trusted_proxies(["198.51.100.1"]);
    let proxies = proxies.forwarded_proto(true);
    let mut client = client(proxies.with(SecurityHeaders::new()));
    for (path, status) in PATHS {
        let bare = get(&mut client, path, &[]);
        assert_eq!(bare.header("strict-transport-security"), None, "{path}");
        let answer = get(&mut client, path, &[("X-Forwarded-Proto", "https")]);
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(answer.header("x-xss-protection"), Some("0"), "{path}");
        let hsts = answer.header("strict-transport-security");
        assert_eq!(hsts, Some("max-age=31536000; includeSubDomains"), "{path}");
        assert_eq!(
            answer.header("content-security-policy"),
            Some("default-src 'self'"),
            "{path}"
        );
    }
}

#[test]
fn a_handler_may_set_another_value() {
    let server = Server::builder()
        .with(SecurityHeaders::new())
        .get("/mine", |ctx: Context| {
            ctx.set_header("x-frame-options", "SAMEORIGIN").text("mine");
        });
    let answer = get(&mut client(server), "/mine", &[]);
    assert_eq!(answer.header("x-frame-options"), Some("SAMEORIGIN"));
}

#[test]
fn ids_differ_between_requests_and_between_cores() {
    let mut ids = HashSet::new();
    for _ in 0..3 {
        let of_a_core = std::thread::spawn(|| {
            let mut client = client(Server::builder().with(RequestId::new()));
            let paths = PATHS.into_iter().cycle().take(50);
            let ids = paths.map(|(path, _)| {
                let answer = get(&mut client, path, &[("X-Request-ID", "forged")]);
                answer.header("x-request-id").expect("an id").to_owned()
            });
            ids.collect::<Vec<_>>()
        });
        ids.extend(of_a_core.join().expect("the core has run"));
    }
    assert_eq!(ids.len(), 150);
    for id in ids {
        assert!(
            id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{id}"
        );
    }
}

#[test]
fn a_proxys_id_is_taken_over_if_it_is_fit() {
    let mut client = client(Server::builder().with(RequestId::new().take_over()));
    let longest = "x".repeat(128);
    for (brought, is_fit) in [("a-1", true), (&longest, true), ("a b", false), ("", false)] {
        let answer = get(&mut client, "/", &[("X-Request-ID", brought)]);
        let id = answer.header("x-request-id").expect("an id");
        assert_eq!(id == brought, is_fit, "{brought:?}");
    }
    let too_long = "x".repeat(129);
    let answer = get(&mut client, "/", &[("X-Request-ID", &too_long)]);
    assert_eq!(answer.header("x-request-id").expect("an id").len(), 32);
}

#[test]
fn each_request_is_one_line_of_the_log_whatever_ended_it() {
    let text = logged(|| {
        let server = Server::builder()
            .with(AccessLog::new())
            .with(RequestId::new());
        let mut client = client(server);
        for (path, _) in PATHS {
            get(&mut client, path, &[("User-Agent", "tester/1.0")]);
        }
    });
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("ringlane::access"))
        .collect();
    assert_eq!(lines.len(), PATHS.len(), "{text}");
    for ((path, status), line) in PATHS.iter().zip(lines) {
        let route = format!("route=\"{path}\"");
        assert_eq!(line.contains(&route), *status != 404, "{line}");
        let path = format!("path=\"{path}\"");
        let status = format!("status={status} ");
        for part in [
            "method=GET",
            &path,
            &status,
            "micros=",
            "peer=\"198.51.100.1:",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert!(line.contains("user_agent=\"tester/1.0\""), "{line}");
        assert!(line.contains("request_id=\""), "{line}");
    }
}

const A: &str = "https://a.example";

/// What an answer says about sharing: origin, credentials, and what it varies by.
fn sharing(answer: &Answer) -> [Option<&str>; 3] {
    [
        answer.header("access-control-allow-origin"),
        answer.header("access-control-allow-credentials"),
        answer.header("vary"),
    ]
}

#[test]
fn listed_origins_are_named_and_others_are_not() {
    let mut client = client(Server::builder().with(Cors::new().origin(A).origin("null")));
    for (path, status) in PATHS {
        let answer = get(&mut client, path, &[("Origin", A)]);
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(sharing(&answer)[..2], [Some(A), None], "{path}");
        assert!(vary(&answer).contains(&"Origin"), "{path}");
    }
    for headers in [
        &[][..],
        &[("Origin", "https://b.example")],
        &[("Origin", "https://a.example.evil")],
        &[("Origin", "http://a.example")],
        &[("Origin", "https://a.example:8443")],
    ] {
        let answer = get(&mut client, "/", headers);
        assert_eq!(
            sharing(&answer),
            [None, None, Some("Origin")],
            "{headers:?}"
        );
    }
}

#[test]
fn any_origin_is_a_star_and_credentials_are_for_those_that_are_named() {
    let mut open = client(Server::builder().with(Cors::new().origin("*").expose("ETag")));
    for (path, status) in PATHS {
        // A shared cache gives the answer to the one to the other.
        for headers in [&[("Origin", A)][..], &[]] {
            let answer = get(&mut open, path, headers);
            assert_eq!(answer.status(), status, "{path}");
            assert_eq!(sharing(&answer)[..2], [Some("*"), None], "{path}");
            assert!(!vary(&answer).contains(&"Origin"), "{path}");
            let exposed = answer.header("access-control-expose-headers");
            assert_eq!(exposed, Some("ETag"), "{path}");
        }
    }
    let mut named = client(Server::builder().with(Cors::new().origin(A).credentials()));
    let answer = get(&mut named, "/", &[("Origin", A)]);
    assert_eq!(sharing(&answer), [Some(A), Some("true"), Some("Origin")]);
    let answer = get(&mut named, "/", &[("Origin", "https://b.example")]);
    assert_eq!(sharing(&answer), [None, None, Some("Origin")]);
}

#[test]
fn any_origin_with_credentials_is_an_error_of_build() {
    for both in [
        Cors::new().origin("*").credentials(),
        Cors::new().credentials().origin(A).origin("*"),
    ] {
        let within = both.clone();
        let server = Server::builder()
            .with(both)
            .group("/a", |routes| routes.with(within).get("/", |_| "ok"));
        let error = server.build().unwrap_err();
        let problems: Vec<_> = error.problems().map(ToString::to_string).collect();
        let problem = "cors: `origin(\"*\")` does not go with `credentials()`: \
                       name each origin that may send them";
        assert_eq!(problems, [problem, problem]);
    }
}

/// The members of all `Vary` of an answer, sorted.
fn vary(answer: &Answer) -> Vec<&str> {
    let lines = answer
        .headers()
        .filter(|(name, _)| name.eq_ignore_ascii_case("Vary"));
    let members = lines.flat_map(|(_, value)| value.split(','));
    let mut members: Vec<_> = members.map(str::trim).collect();
    members.sort_unstable();
    members
}

#[test]
fn an_answer_that_depends_on_its_origin_says_so_whatever_a_handler_sets() {
    let mut prepared = ResponseHeaders::new();
    prepared.set("Vary", "Accept-Language").expect("a header");
    let server = Server::builder()
        .with(Compression::new())
        .with(Cors::new().origin(A))
        .get("/set", |ctx: Context| {
            ctx.set_header("vary", "Accept-Language").text("set");
        })
        .get("/all", move |ctx: Context| {
            ctx.set_headers(&prepared).text("all");
        })
        .get("/gone", |ctx: Context| {
            ctx.remove_header("Vary").text("gone")
        })
        .get("/late", async |ctx: Context| -> Result {
            ctx.set_header("Vary", "Accept-Language");
            let mut stream = ctx.stream()?;
            stream.send(Bytes::from_static(b"late")).await?;
            stream.finish();
            Ok(())
        })
        .get("/events", |ctx: Context| {
            ctx.remove_header("Vary").event_stream_of("news")
        })
        .get("/any", |ctx: Context| {
            ctx.set_header("Vary", "*").text("any")
        })
        .get("/same", |ctx: Context| {
            ctx.set_header("Vary", "accept, origin").text("same");
        })
        .get("/faulty", |ctx: Context| {
            ctx.remove_header("Vary").set_header("a b", "").text("no");
        });
    let mut client = client(server);
    for (path, expected) in [
        ("/set", &["Accept-Language", "Origin"][..]),
        ("/all", &["Accept-Language", "Origin"]),
        ("/gone", &["Origin"]),
        ("/late", &["Accept-Encoding", "Accept-Language", "Origin"]),
        ("/any", &["*"]),
        ("/same", &["accept", "origin"]),
    ] {
        for origin in [
            &[("Origin", A)][..],
            &[("Origin", "https://b.example")],
            &[],
        ] {
            let answer = get(&mut client, path, origin);
            assert_eq!(vary(&answer), expected, "{path} {origin:?}");
        }
    }
    assert!(vary(&get(&mut client, "/faulty", &[])).contains(&"Origin"));
    let events = client.get("/events").event_stream().expect("a stream");
    assert_eq!(events.head().header("vary"), Some("Origin"));
}

#[test]
fn an_answer_without_room_for_vary_is_shared_with_nobody() {
    let server =
        Server::builder()
            .with(Cors::new().origin(A))
            .get("/{less}", |ctx: Context| -> Result {
                let others = format!("Access-Control-Allow-Origin: {A}\r\nX: \r\n").len();
                let less: usize = ctx.param("less")?;
                let length = RESPONSE_HEADER_BYTES_MAX - others - less;
                ctx.remove_header("Vary")
                    .set_header("X", "x".repeat(length));
                Ok(())
            });
    let mut client = Client::new(server.build().expect("a server")).expect("a core is free");
    let vary = "Vary: Origin\r\n".len();
    for (less, allowed) in [(0, None), (vary - 1, None), (vary, Some(A))] {
        let answer = get(&mut client, &format!("/{less}"), &[("Origin", A)]);
        assert_eq!(answer.status(), 200);
        assert_eq!(sharing(&answer), [allowed, None, Some("Origin")], "{less}");
    }
}

#[test]
fn a_preflight_reaches_no_handler() {
    let cors = Cors::new()
        .origin(A)
        .header("X-Token")
        .max_age(std::time::Duration::from_secs(86_400));
    let mut client = client(Server::builder().with(cors));
    for path in ["/options", "/", "/nowhere"] {
        let preflight = [("Origin", A), ("Access-Control-Request-Method", "POST")];
        let answer = ask(&mut client, Method::OPTIONS, path, &preflight);
        assert_eq!(
            (answer.status(), answer.text()),
            (StatusCode::NO_CONTENT, ""),
            "{path}"
        );
        assert_eq!(sharing(&answer), [Some(A), None, Some("Origin")]);
        let methods = answer.header("access-control-allow-methods");
        assert_eq!(methods, Some("GET, HEAD, POST, PUT, PATCH, DELETE"));
        let headers = answer.header("access-control-allow-headers");
        assert_eq!(headers, Some("Content-Type, X-Token"));
        assert_eq!(answer.header("access-control-max-age"), Some("86400"));
    }
    let refused = [
        ("Origin", "https://b.example"),
        ("Access-Control-Request-Method", "POST"),
    ];
    let answer = ask(&mut client, Method::OPTIONS, "/options", &refused);
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(sharing(&answer), [None, None, Some("Origin")]);
    assert_eq!(answer.header("access-control-allow-methods"), None);
    // OPTIONS that is no preflight is the handler's.
    let answer = ask(&mut client, Method::OPTIONS, "/options", &[("Origin", A)]);
    assert_eq!(answer.text(), "handler");
}

#[test]
fn one_is_added_and_many_replace_and_none_is_there_twice() {
    let allowed = |cors: Cors| {
        let mut client = client(Server::builder().with(cors.origin(A).origin(A)));
        let preflight = [("Origin", A), ("Access-Control-Request-Method", "POST")];
        let answer = ask(&mut client, Method::OPTIONS, "/", &preflight);
        let [methods, headers] = ["methods", "headers"].map(|what| {
            let name = format!("access-control-allow-{what}");
            answer.header(&name).unwrap_or_default().to_owned()
        });
        (methods, headers)
    };
    let pair = |methods: &str, headers: &str| (methods.to_owned(), headers.to_owned());
    let all = "GET, HEAD, POST, PUT, PATCH, DELETE";
    let cors = Cors::new().method(Method::GET).header("content-type");
    assert_eq!(allowed(cors), pair(all, "Content-Type"));
    let cors = Cors::new()
        .method(Method::OPTIONS)
        .header("X-A")
        .header("x-a");
    assert_eq!(
        allowed(cors),
        pair(&format!("{all}, OPTIONS"), "Content-Type, X-A")
    );
    let cors = Cors::new()
        .methods([Method::GET, Method::PUT, Method::GET])
        .headers(["X-A", "X-B", "x-a"]);
    assert_eq!(allowed(cors), pair("GET, PUT", "X-A, X-B"));
}

#[test]
fn what_scripts_may_see_is_said_with_the_answer_itself() {
    let cors = Cors::new().origin(A).expose("X-Total").expose("ETag");
    let mut client = client(Server::builder().with(cors));
    let answer = get(&mut client, "/", &[("Origin", A)]);
    let exposed = answer.header("access-control-expose-headers");
    assert_eq!(exposed, Some("X-Total, ETag"));
}
