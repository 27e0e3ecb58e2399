//! Who is let in, who is not, and what those are told.

#[cfg(feature = "jwt")]
mod samples;
#[cfg(feature = "jwt")]
mod tokens;

use super::{Basic, Bearer, Refusal, Require, User};
use crate::testing::{Answer, Client, logged};
use crate::{Builder, Context, Error, Server};

/// What a token stands for.
struct Identity(String);

fn verify(_: &Context, token: &str) -> Result<Identity, Refusal> {
    match token {
        "expired" => Err(Refusal::invalid_token("it \"has\" \\expired\r\nin ½ h")),
        "down" => Err(Error::new(503, "ask again").into()),
        _ if token.starts_with("good") => Ok(Identity(token.to_owned())),
        _ => Err(Refusal::invalid_token("it is unknown")),
    }
}

fn whoami(ctx: Context) -> String {
    let identity = ctx.get::<Identity>();
    identity.map_or_else(|| "nobody".to_owned(), |identity| identity.0.clone())
}

fn client(server: Builder) -> Client {
    let server = server.build().expect("the routes are well-formed");
    Client::new(server).expect("a core is free for the test")
}

/// Asks with these values of `Authorization`.
fn ask(client: &mut Client, path: &str, values: &[&str]) -> Answer {
    let mut request = client.get(path).header("Accept", "application/json");
    for value in values {
        request = request.header("authorization", *value);
    }
    request.send().expect("an answer")
}

/// The status, the challenge, and what the body says.
fn said(answer: &Answer) -> (u16, Option<&str>, String) {
    let body: serde_json::Value = answer.json().unwrap_or_default();
    let text = match (&body["message"], &body["code"]) {
        (serde_json::Value::String(message), serde_json::Value::String(code)) => {
            format!("{code}: {message}")
        }
        _ => answer.text().to_owned(),
    };
    (
        answer.status().as_u16(),
        answer.header("www-authenticate"),
        text,
    )
}

#[test]
fn bearer_tokens_are_verified_and_all_else_is_refused() {
    let server = Server::builder()
        .with(Bearer::new(verify).realm("a \"b\""))
        .get("/", whoami);
    let mut client = client(server);
    for token in ["good", "good-._~+/9==", "goodGOOD="] {
        for scheme in ["Bearer ", "bearer ", "BEARER   "] {
            let answer = ask(&mut client, "/", &[&format!("{scheme}{token}")]);
            assert_eq!(said(&answer), (200, None, token.to_owned()));
        }
    }
    const REALM: &str = "Bearer realm=\"a 'b'\"";
    let missing = (REALM.to_owned(), "UNAUTHORIZED: credentials are needed");
    let malformed =
        |why: &str| format!("{REALM}, error=\"invalid_request\", error_description=\"{why}\"");
    let wrong =
        |why: &str| format!("{REALM}, error=\"invalid_token\", error_description=\"{why}\"");
    let unreadable = (
        malformed("the credentials are malformed"),
        "INVALID_REQUEST: the credentials are malformed",
    );
    let rows = [
        (&[][..], missing.clone()),
        (&[""], missing.clone()),
        (&["Basic ZmVycmlzOmNyYWI="], missing.clone()),
        (&["Bearergood"], missing.clone()),
        (&["good"], missing),
        (&["Bearer"], unreadable.clone()),
        (&["Bearer ="], unreadable.clone()),
        (&["Bearer good good"], unreadable.clone()),
        (&["Bearer go=od"], unreadable.clone()),
        (&["Bearer good,"], unreadable.clone()),
        (&["Bearer \"good\""], unreadable.clone()),
        (&["Bearer g\u{f6}\u{f6}d"], unreadable),
        (
            &["Bearer good", "Bearer good"],
            (
                malformed("more than one `Authorization`"),
                "INVALID_REQUEST: more than one `Authorization`",
            ),
        ),
        (
            &["Bearer bad"],
            (wrong("it is unknown"), "INVALID_TOKEN: it is unknown"),
        ),
        (
            &["Bearer expired"],
            (
                wrong("it 'has' 'expired??in ? h"),
                "INVALID_TOKEN: it \"has\" \\expired\r\nin ½ h",
            ),
        ),
    ];
    for (values, (challenge, text)) in rows {
        let answer = ask(&mut client, "/", values);
        assert_eq!(
            said(&answer),
            (401, Some(&*challenge), text.to_owned()),
            "{values:?}"
        );
    }
    let answer = ask(&mut client, "/", &["Bearer down"]);
    assert_eq!(said(&answer).0, 503);
    assert_eq!(answer.header("www-authenticate"), None);
}

#[test]
fn what_is_refused_reaches_nothing_below() {
    let server = Server::builder()
        .with(Bearer::new(verify))
        .before(|_| -> () { panic!("below") })
        .get("/", |_| panic!("below"));
    let mut client = client(server);
    for path in ["/", "/nowhere"] {
        assert_eq!(ask(&mut client, path, &[]).status(), 401);
    }
}

#[test]
fn without_a_token_one_may_be_let_in_as_nobody() {
    let server = Server::builder()
        .with(Bearer::new(verify).optional())
        .get("/", whoami);
    let mut client = client(server);
    for (values, status, text) in [
        (&[][..], 200, "nobody"),
        (&["Bearer good"], 200, "good"),
        (&["Bearer bad"], 401, "INVALID_TOKEN: it is unknown"),
        (
            &["Bearer"],
            401,
            "INVALID_REQUEST: the credentials are malformed",
        ),
        (&["Basic x"], 401, "UNAUTHORIZED: credentials are needed"),
    ] {
        let answer = ask(&mut client, "/", values);
        let (got, _, said) = said(&answer);
        assert_eq!((got, &*said), (status, text), "{values:?}");
    }
}

#[test]
fn permissions_are_asked_for_by_their_scope() {
    let server = Server::builder()
        .group("/known", |routes| {
            let admins = Require::new("admin \"x\"", |who: &Identity| who.0 == "good-admin");
            routes
                .with(Bearer::new(verify))
                .with(admins)
                .get("/", whoami)
        })
        .group("/unknown", |routes| {
            let admins = Require::new("admin", |_: &Identity| true).realm("r");
            routes.with(admins).get("/", whoami)
        });
    let mut client = client(server);
    let answer = ask(&mut client, "/known", &["Bearer good-admin"]);
    assert_eq!(said(&answer), (200, None, "good-admin".to_owned()));
    let answer = ask(&mut client, "/known", &["Bearer good"]);
    let challenge = "Bearer error=\"insufficient_scope\", scope=\"admin 'x'\"";
    let text = "INSUFFICIENT_SCOPE: more permissions are needed".to_owned();
    assert_eq!(said(&answer), (403, Some(challenge), text));
    let answer = ask(&mut client, "/unknown", &["Bearer good-admin"]);
    let text = "UNAUTHORIZED: credentials are needed".to_owned();
    assert_eq!(said(&answer), (401, Some("Bearer realm=\"r\""), text));
}

/// The value of `Authorization` for a name and a password.
fn basic(pair: impl AsRef<[u8]>) -> String {
    use base64::Engine;
    let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
    format!("Basic {encoded}")
}

/// What everyone is told whose name or password is not accepted.
const REFUSED: &str = "UNAUTHORIZED: the credentials are refused";

#[test]
fn listed_users_are_let_in_with_their_passwords() {
    let longest = "x".repeat(256);
    let users = [
        ("ferris", "crab:cake"),
        ("käfer", "½"),
        (&longest, &longest),
        ("", ""),
    ];
    let server = Server::builder()
        .with(Basic::users("the \"sea\"", users))
        .get("/", |ctx: Context| {
            ctx.get::<User>().map(|user| user.name().to_owned())
        });
    let mut client = client(server);
    for (name, password) in users {
        let answer = ask(&mut client, "/", &[&basic(format!("{name}:{password}"))]);
        assert_eq!(said(&answer), (200, None, name.to_owned()));
    }
    const CHALLENGE: &str = "Basic realm=\"the 'sea'\", charset=\"UTF-8\"";
    let too_long = format!("{longest}x:{longest}");
    let no_room = format!("ferris:{}", "x".repeat(1018));
    let at_most = format!("ferris:{}", "x".repeat(1017));
    let rows = [
        (basic("ferris:crab"), REFUSED),
        (basic("ferris:crab:cake2"), REFUSED),
        (basic("ferri:crab:cake"), REFUSED),
        (basic("ferris:½"), REFUSED),
        (basic("ferris:"), REFUSED),
        (basic(":crab:cake"), REFUSED),
        (basic(&too_long), REFUSED),
        (basic(&at_most), REFUSED),
        (basic(&no_room), REFUSED),
        (basic("ferris"), REFUSED),
        (basic("ferris:crab:cake\0"), REFUSED),
        (basic("ferris:crab\n"), REFUSED),
        (basic([b'a', b':', 0xff]), REFUSED),
        ("Basic ZmVycmlz*".to_owned(), REFUSED),
        ("Basic Z".to_owned(), REFUSED),
        ("Basic".to_owned(), REFUSED),
        (
            "Bearer good".to_owned(),
            "UNAUTHORIZED: credentials are needed",
        ),
    ];
    for (value, text) in rows {
        let answer = ask(&mut client, "/", &[&value]);
        assert_eq!(
            said(&answer),
            (401, Some(CHALLENGE), text.to_owned()),
            "{value}"
        );
    }
}

#[test]
fn passwords_can_be_verified_elsewhere() {
    let verify = |_: &Context, name: &str, password: &str| match password {
        "crab" => Ok(Identity(name.to_owned())),
        "few" => Err(Refusal::insufficient_scope("more")),
        _ => Err(Refusal::invalid_token("no")),
    };
    let server = Server::builder()
        .with(Basic::new("sea", verify))
        .get("/", whoami);
    let mut client = client(server);
    let answer = ask(&mut client, "/", &[&basic("a:crab")]);
    assert_eq!(said(&answer), (200, None, "a".to_owned()));
    let answer = ask(&mut client, "/", &[&basic("a:few")]);
    let text = "INSUFFICIENT_SCOPE: more permissions are needed".to_owned();
    assert_eq!(said(&answer), (403, None, text));
}

#[test]
fn why_a_password_is_refused_the_log_is_told_and_no_client() {
    let verify = |_: &Context, name: &str, _: &str| -> Result<Identity, Refusal> {
        Err(match name {
            "down" => Error::new(503, "ask again").into(),
            "odd" => Refusal::invalid_request("names have four letters"),
            "nobody" => Refusal::invalid_token("no such user"),
            _ => Refusal::invalid_token(String::from("wrong, and no literal")),
        })
    };
    let mut told = Vec::new();
    let text = logged(|| {
        let server = Server::builder()
            .with(Basic::new("sea", verify))
            .get("/", whoami);
        let mut client = client(server);
        for name in ["odd", "nobody", "ferris"] {
            let answer = ask(&mut client, "/", &[&basic(format!("{name}:s3cret"))]);
            told.push((
                said(&answer).2,
                answer.header("www-authenticate").map(str::to_owned),
            ));
        }
        let answer = ask(&mut client, "/", &[&basic("down:s3cret")]);
        assert_eq!(
            (said(&answer).0, answer.header("www-authenticate")),
            (503, None)
        );
    });
    let challenge = "Basic realm=\"sea\", charset=\"UTF-8\"".to_owned();
    assert_eq!(told, vec![(REFUSED.to_owned(), Some(challenge)); 3]);
    for reason in [
        "names have four letters",
        "no such user",
        "wrong, and no literal",
    ] {
        let lines = text.lines().filter(|line| line.contains(reason));
        let levels: Vec<_> = lines.map(|line| line.contains("DEBUG")).collect();
        assert_eq!(levels, [true], "{reason} in {text}");
    }
    assert!(!text.contains("s3cret"), "{text}");
}

#[test]
#[should_panic(expected = "64 users at most")]
fn a_list_of_users_has_a_maximum() {
    let _ = Basic::users("full", (0..64).map(|number| (number.to_string(), "x")));
    let _ = Basic::users("too full", (0..65).map(|number| (number.to_string(), "x")));
}

#[test]
#[should_panic(expected = "256 bytes at most")]
fn a_password_in_a_list_has_a_maximum() {
    let _ = Basic::users("long", [("a", "x".repeat(257))]);
}

#[test]
fn secrets_are_not_shown() {
    let users = Basic::users("r", [("ferris", "s3cret")]);
    let shown = format!("{users:?}");
    assert!(
        shown.contains("ferris") && !shown.contains("s3cret"),
        "{shown}"
    );
}
