//! Cookies as a client sees them.

use super::*;
use crate::testing::{Answer, Client};
use crate::{IntoResponse, Result, Server};

fn answer<R: IntoResponse + 'static>(handler: fn(Context) -> R, cookie_lines: &[&str]) -> Answer {
    let server = Server::builder().get("/", handler).build().unwrap();
    let mut client = Client::new(server).unwrap();
    let mut request = client.get("/");
    for line in cookie_lines {
        request = request.header("Cookie", *line);
    }
    request.send().unwrap()
}

fn set_cookies(answer: &Answer) -> Vec<&str> {
    let lines = answer.headers().filter(|(name, _)| *name == LINE);
    lines.map(|(_, value)| value).collect()
}

fn key() -> Key {
    Key::try_from(&[7; 64][..]).unwrap()
}

#[test]
fn cookies_are_read_from_every_line() {
    let list = |ctx: Context| {
        let all: Vec<_> = ctx
            .cookies()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        ctx.text(format!(
            "{} {:?} {:?}",
            all.join(" "),
            ctx.cookie("a"),
            ctx.cookie("A")
        ));
    };
    for (lines, expected) in [
        (&[][..], " None None"),
        (&["a=1"], "a=1 Some(\"1\") None"),
        (
            &["a=1; b=2;c = 3 ", "a=4"],
            "a=1 b=2 c=3 a=4 Some(\"1\") None",
        ),
        (&["a=\"1\"; b=\"; =; c"], "a=1 b=\" = Some(\"1\") None"),
        (&["a=b=c; ; a"], "a=b=c Some(\"b=c\") None"),
        (&["b=1;\ta\t=\t2\t"], "b=1 a=2 Some(\"2\") None"),
    ] {
        assert_eq!(answer(list, lines).text(), expected, "{lines:?}");
    }
}

#[test]
fn a_cookie_that_is_no_text_takes_no_other_with_it() {
    let server = Server::builder().get("/", |ctx: Context| {
        let all: Vec<_> = ctx
            .cookies()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        ctx.text(all.join(" "));
    });
    let mut client = Client::new(server.build().expect("valid")).expect("a core is free");
    let connection = client.connect();
    connection.send(
        b"GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1; b=\xff; c=3\r\nCookie: \xfe=1; d=4\r\n\r\n",
    );
    client
        .run(std::time::Duration::ZERO)
        .expect("the core runs");
    let answer = String::from_utf8_lossy(&connection.read()).into_owned();
    assert!(answer.ends_with("\r\n\r\na=1 c=3 d=4"), "{answer}");
}

#[test]
fn what_looks_like_white_space_is_part_of_names_and_values() {
    let count = |ctx: Context| {
        let session = ctx.cookie("__Host-sid");
        let theme = ctx.cookie("theme").unwrap_or_default();
        ctx.text_fmt(format_args!("{session:?} {}", theme.chars().count()));
    };
    // Browsers let anyone set these: the prefix is none to them.
    for letter in ['\u{2000}', '\u{a0}', '\u{85}'] {
        for name in [
            format!("{letter}__Host-sid"),
            format!("__Host-sid{letter}"),
            format!(" {letter}\t__Host-sid"),
        ] {
            let line = format!("{name}=evil; theme={letter}dark{letter} ");
            assert_eq!(answer(count, &[&line]).text(), "None 6", "{line:?}");
        }
    }
}

#[test]
fn several_cookies_are_set_with_their_attributes() {
    let heard = answer(
        |ctx| -> Result {
            ctx.set_cookie(("plain", "1"))?.set_cookie(("twice", "1"))?;
            let full = Cookie::build(("full", "\"quoted\""))
                .path("/a b")
                .domain("example.org")
                .max_age(time::Duration::hours(1))
                .http_only(true)
                .secure(true)
                .same_site(SameSite::Strict);
            ctx.set_raw_cookie(full)?.set_cookie(("twice", "2"))?;
            ctx.set_cookie(Cookie::build(("twice", "3")).path("/b"))?;
            ctx.remove_cookie(Cookie::build("gone").path("/"))?;
            Ok(())
        },
        &[],
    );
    assert_eq!(heard.status(), 200);
    assert_eq!(
        set_cookies(&heard),
        [
            "plain=1",
            "full=\"quoted\"; HttpOnly; SameSite=Strict; Secure; Path=/a b; Domain=example.org; Max-Age=3600",
            "twice=2",
            "twice=3; Path=/b",
            "gone=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        ]
    );
}

/// What no cookie carries as it is, and what only looks as if it had been encoded.
const TEXTS: [&str; 16] = [
    "a b",
    "a,b",
    "a;b",
    "a\"b",
    "\u{e9}",
    r#"{"x":1}"#,
    "%",
    "%41",
    "100%25",
    "\"quoted\"",
    "a\\b",
    "\r\nSet-Cookie: b=2",
    "\0\u{7f}",
    " ",
    "",
    "plain-_.!~*'()+/=",
];

#[test]
fn any_text_comes_back_the_same() -> Result {
    let server = Server::builder()
        .get("/{kind}/set/{at}", |ctx: Context| -> Result {
            let text = TEXTS[ctx.param::<usize>("at")?];
            match ctx.param_text("kind") {
                Some("signed") => ctx.set_signed_cookie(("a", text), &key())?,
                Some("private") => ctx.set_private_cookie(("a", text), &key())?,
                _ => ctx.set_cookie(("a", text))?,
            };
            Ok(())
        })
        .get("/{kind}/get", |ctx: Context| {
            let text = match ctx.param_text("kind") {
                Some("signed") => ctx.signed_cookie("a", &key()),
                Some("private") => ctx.private_cookie("a", &key()),
                _ => ctx.cookie("a").map(Cow::into_owned),
            };
            ctx.text_fmt(format_args!("{text:?}"));
        });
    let mut client = Client::new(server.build()?)?;
    for kind in ["plain", "signed", "private"] {
        for (at, text) in TEXTS.into_iter().enumerate() {
            let set = client.get(&format!("/{kind}/set/{at}")).send()?;
            assert_eq!(set.status(), 200, "{kind} {text:?}: {}", set.text());
            let line = *set_cookies(&set).first().expect("one cookie");
            let get = client.get(&format!("/{kind}/get"));
            let heard = get.header("Cookie", line).send()?;
            assert_eq!(heard.text(), format!("{:?}", Some(text)), "{line}");
        }
    }
    Ok(())
}

#[test]
fn raw_cookies_are_left_as_they_are() {
    let set = |ctx: Context| -> Result {
        ctx.set_raw_cookie(("a", "\"x%41\""))?;
        let problem = ctx.set_raw_cookie(("b", "1;2")).err();
        ctx.text(problem.map(|error| error.to_string()).unwrap_or_default());
        Ok(())
    };
    let heard = answer(set, &[]);
    assert_eq!(set_cookies(&heard), ["a=\"x%41\""]);
    let problem = "cookie \"b\": its value must be encoded, as `set_cookie` does";
    assert!(heard.text().ends_with(problem), "{}", heard.text());
    let get = |ctx: Context| {
        let (raw, decoded) = (ctx.raw_cookie("a"), ctx.cookie("a"));
        ctx.text_fmt(format_args!("{raw:?} {decoded:?}"));
    };
    for (sent, expected) in [
        ("a=\"x%41\"", r#"Some("\"x%41\"") Some("xA")"#),
        ("a=x%ff%41", r#"Some("x%ff%41") Some("x%ff%41")"#),
        ("a=100%", r#"Some("100%") Some("100%")"#),
        ("%61=1; a =2", r#"Some("2") Some("2")"#),
    ] {
        assert_eq!(answer(get, &[sent]).text(), expected, "{sent}");
    }
}

#[test]
fn what_cannot_be_a_cookie_is_refused() {
    let at = |path: &'static str| Cookie::build(("a", "1")).path(path).build();
    let of = |domain: &'static str| Cookie::build(("a", "1")).domain(domain).build();
    for cookie in [
        ("", "1").into(),
        ("a b", "1").into(),
        ("a=b", "1").into(),
        ("a\r\nX", "1").into(),
        ("\u{e9}", "1").into(),
        ("a", "1;2").into(),
        ("a", "1 2").into(),
        ("a", "1\r\nSet-Cookie: b=2").into(),
        ("a", "\u{e9}").into(),
        ("a", "\"").into(),
        at("/; Secure"),
        at("b"),
        at(""),
        of("a\nb"),
        of("localhost:8080"),
        of("http://example.org"),
        ("__Secure-a", "1").into(),
        {
            let insecure = Cookie::build(("__host-a", "1")).secure(true);
            insecure.path("/b").build()
        },
    ] {
        assert!(flaw(&cookie).is_some(), "{cookie:?}");
    }
    for cookie in [
        Cookie::build(("__Host-a", "1"))
            .secure(true)
            .path("/")
            .build(),
        Cookie::build(("a", "1")).same_site(SameSite::None).build(),
        Cookie::new("a", "x".repeat(COOKIE_BYTES_MAX - 1)),
        Cookie::new("a", ""),
        Cookie::new("!#$%&'*+-.^_`|~", "!#$%&'()*+-./:<=>?@[]^_`{|}~"),
        of(".example.org"),
        of("127.0.0.1"),
    ] {
        assert_eq!(flaw(&cookie), None, "{cookie:?}");
    }
    assert!(flaw(&Cookie::new("a", "x".repeat(COOKIE_BYTES_MAX))).is_some());
    let insecure = Cookie::build(("a", "1"))
        .same_site(SameSite::None)
        .secure(false);
    assert!(flaw(&insecure.build()).is_some());
}

#[test]
fn a_mistake_in_a_cookie_is_told_where_it_is_set() {
    let too_long = |ctx: Context| -> Result {
        let half = " ".repeat(COOKIE_BYTES_MAX / 3); // three characters each
        assert!(ctx.set_cookie(("a", half.clone())).is_ok());
        assert!(ctx.set_cookie(("ab", half.clone() + "%")).is_err());
        assert!(ctx.set_signed_cookie(("a", half), &key()).is_err());
        assert!(ctx.set_private_cookie(("a b", ""), &key()).is_err());
        assert!(ctx.remove_cookie("a b").is_err());
        ctx.set_cookie(("a b", "1"))?;
        Ok(())
    };
    let heard = answer(too_long, &[]);
    let expected = (500, "internal server error");
    assert_eq!((heard.status().as_u16(), heard.text()), expected);
}

#[test]
fn sealed_cookies_open_with_their_key_and_name_alone() -> Result {
    let seal = |ctx: Context| -> Result {
        ctx.set_signed_cookie(("s", "plain"), &key())?;
        ctx.set_private_cookie(("p", "any; text \u{e9}"), &key())?;
        Ok(())
    };
    let sealed = answer(seal, &[]);
    let lines = set_cookies(&sealed);
    let (signed, private) = (lines[0], lines[1]);
    assert!(signed.ends_with("plain"), "{signed}");
    assert!(!private.contains("text"), "{private}");
    let open = |ctx: Context| {
        let (s, p) = (
            ctx.signed_cookie("s", &key()),
            ctx.private_cookie("p", &key()),
        );
        let other = Key::try_from(&[8; 64][..]).unwrap();
        assert_eq!(ctx.signed_cookie("s", &other), None);
        assert_eq!(ctx.private_cookie("p", &other), None);
        ctx.text(format!("{s:?} {p:?}"));
    };
    let both = "Some(\"plain\") Some(\"any; text \u{e9}\")";
    assert_eq!(answer(open, &[signed, private]).text(), both);
    // Another subdomain may have set something under the same name.
    let tossed = format!("s=forged; {signed}; p=forged; {private}");
    assert_eq!(answer(open, &[&tossed]).text(), both);
    let changed = [
        signed.replace("plain", "other"),
        private.replace("p=", "p=A"),
    ];
    assert_eq!(
        answer(open, &[&changed[0], &changed[1]]).text(),
        "None None"
    );
    let exchanged = [signed.replace("s=", "p="), private.replace("p=", "s=")];
    assert_eq!(
        answer(open, &[&exchanged[0], &exchanged[1]]).text(),
        "None None"
    );
    Ok(())
}

#[test]
fn signed_names_cannot_be_exchanged() {
    let sign = |ctx: Context| -> Result {
        for (name, value) in [("theme", "7"), ("user", "8"), ("a", "b=7"), ("empty", "")] {
            ctx.set_signed_cookie((name, value), &key())?;
        }
        Ok(())
    };
    let open = |ctx: Context| {
        let names = ["theme", "user", "a", "a=b", "ab", "empty"];
        let values = names.map(|name| ctx.signed_cookie(name, &key()));
        ctx.text(
            values
                .map(|value| value.unwrap_or_else(|| "-".to_owned()))
                .join(" "),
        );
    };
    let signed = answer(sign, &[]);
    let lines = set_cookies(&signed);
    assert_eq!(answer(open, &lines).text(), "7 8 b=7 - - ");
    let values: Vec<_> = lines
        .iter()
        .filter_map(|line| line.split_once('='))
        .map(|(_, value)| value)
        .collect();
    for (name, value) in [("user", values[0]), ("theme", values[1]), ("b", values[2])] {
        let moved = format!("{name}={value}");
        assert_eq!(answer(open, &[&moved]).text(), "- - - - - -", "{moved}");
    }
    // Nothing of the name can become part of the value, nor of the value part of the name.
    for (from, to) in [
        ("a=", "ab="),
        ("a=", "a=b="),
        ("b=7", "7"),
        ("b=7", "a;b=7"),
    ] {
        let cut = lines[2].replacen(from, to, 1);
        assert!(!answer(open, &[&cut]).text().contains('7'), "{cut}");
    }
    // The crate's own MAC binds no name: it counts for none.
    let mut jar = CookieJar::new();
    jar.signed_mut(&key()).add(("user", "8"));
    jar.signed_mut(&key()).add(("theme", "user=8"));
    for cookie in jar.iter() {
        let unbound = cookie.value();
        let cut = unbound.replace("user=", "");
        let lines = [format!("user={unbound}"), format!("user={cut}")];
        let lines = lines.each_ref().map(String::as_str);
        assert_eq!(answer(open, &lines).text(), "- - - - - -", "{lines:?}");
    }
}

#[test]
fn a_signed_cookie_is_its_value_behind_a_mac() {
    let sign = |ctx: Context| -> Result {
        let cookie = Cookie::build(("s", "pl=ain")).path("/").http_only(true);
        ctx.set_signed_cookie(cookie, &key())?;
        let longest = "x".repeat(COOKIE_BYTES_MAX - MAC_BYTES - 1);
        ctx.set_signed_cookie(("l", longest), &key())?;
        Ok(())
    };
    let signed = answer(sign, &[]);
    let lines = set_cookies(&signed);
    let mac = lines[0]
        .strip_prefix("s=")
        .and_then(|line| line.strip_suffix("pl=ain; HttpOnly; Path=/"));
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    assert!(
        mac.is_some_and(|mac| mac.len() == MAC_BYTES && mac.bytes().all(is_base64)),
        "{}",
        lines[0]
    );
    assert_eq!(lines[1].len(), COOKIE_BYTES_MAX + 1); // with its `=`
    let too_long = answer(
        |ctx| -> Result {
            let value = "x".repeat(COOKIE_BYTES_MAX - MAC_BYTES);
            ctx.set_signed_cookie(("l", value), &key())?;
            Ok(())
        },
        &[],
    );
    assert_eq!(too_long.status(), 500);
    // What is too short for a MAC, or is cut within a character, is no signed cookie.
    let open = |ctx: Context| ctx.text_fmt(format_args!("{:?}", ctx.signed_cookie("s", &key())));
    for value in ["", "x", &"\u{e9}".repeat(40), &"x".repeat(MAC_BYTES)] {
        assert_eq!(answer(open, &[&format!("s={value}")]).text(), "None");
    }
}

#[test]
fn a_key_has_a_least_length() {
    assert!(Key::try_from(&[0; 63][..]).is_err());
    assert!(Key::try_from(&[0; 64][..]).is_ok());
}
