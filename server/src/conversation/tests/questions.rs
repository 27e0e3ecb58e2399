//! What handlers read of a request's head, and redirects, which lead to the next one.

use super::{Talk, check, server};
use crate::{Builder, Context, Result};

#[derive(serde::Deserialize)]
struct Page {
    number: u32,
    #[serde(default)]
    tag: Vec<String>,
}

fn routes() -> Builder {
    server()
        .get("/all", |ctx: Context| -> Result<String> {
            Ok(format!("{:?}", ctx.query_all::<i32>("n")?))
        })
        .get("/as", |ctx: Context| -> Result<String> {
            let page: Page = ctx.query_as()?;
            Ok(format!("{} {:?}", page.number, page.tag))
        })
        .get("/headers", |ctx: Context| {
            let values: Vec<_> = ctx.header_values("x-a").map(<[u8]>::len).collect();
            let kind = ctx.media_type().map(|kind| kind.essence().to_owned());
            ctx.text(format!(
                "{values:?} {kind:?} {:?}",
                ctx.preferred(&["a/b", "c/d"])
            ));
        })
        .get("/page", |ctx: Context| -> Result {
            if !ctx.is_unchanged(Some("\"v1\""), None)? {
                ctx.text("page");
            }
            Ok(())
        })
        .get("/bad_tag", |ctx: Context| -> Result {
            ctx.is_unchanged(Some("v1"), None)?;
            Ok(())
        })
        .get("/to/{status}", |ctx: Context| -> Result {
            let location = ctx.query::<String>("location")?;
            ctx.redirect(ctx.param::<u16>("status")?, location);
            Ok(())
        })
}

fn ask(target: &str, headers: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n{headers}\r\n")
}

#[test]
fn queries_into_types() {
    for (target, expected) in [
        ("/all", "200 []"),
        ("/all?n=1&m=2&n=-3", "200 [1, -3]"),
        (
            "/all?n=1&n=x",
            "400 query parameter `n`: invalid digit found in string",
        ),
        (
            "/as?number=1&tag=a+b&tag=%C3%A9",
            "200 1 [\"a b\", \"\u{e9}\"]",
        ),
        ("/as", "400 query: missing field `number`"),
        (
            "/as?number=-1",
            "400 query field `number`: invalid digit found in string",
        ),
    ] {
        check(routes, &ask(target, ""), expected);
    }
    let two = ask("/as?number=x", "") + &ask("/as?number=1", "");
    check(
        routes,
        &two,
        "400 query field `number`: invalid digit found in string | 200 1 []",
    );
}

#[test]
fn headers_in_any_case_and_number() {
    let headers =
        "X-A: 1\r\nx-a: 22\r\nContent-Type: Text/X; q=\"a\"\r\nACCEPT: c/*, */*;q=0.1\r\n";
    check(
        routes,
        &ask("/headers", headers),
        "200 [1, 2] Some(\"Text/X\") Some(\"c/d\")",
    );
    check(
        routes,
        &ask("/headers", "Accept: x/y\r\n"),
        "200 [] None None",
    );
    check(routes, &ask("/headers", ""), "200 [] None Some(\"a/b\")");
}

#[test]
fn a_copy_that_is_still_good_is_not_sent_again() {
    for (headers, expected) in [
        ("", "200 page"),
        ("If-None-Match: \"v0\"\r\n", "200 page"),
        ("If-None-Match: W/\"v1\"\r\n", "304"),
        (
            "If-Match: \"v0\"\r\n",
            "412 it is not in the state that the request is for",
        ),
    ] {
        check(routes, &ask("/page", headers), expected);
    }
    let heard = Talk::with(routes())
        .send(ask("/page", "If-None-Match: *\r\n"))
        .text();
    assert!(heard.contains("ETag: \"v1\"\r\n"), "{heard}");
    check(routes, &ask("/bad_tag", ""), "500 internal server error");
}

#[test]
fn redirects_lead_where_they_say() {
    for status in [301, 302, 303, 307, 308] {
        let mut talk = Talk::with(routes());
        let heard = talk
            .send(ask(&format!("/to/{status}?location=/b%3Fc%3D%C3%A9+f"), ""))
            .text();
        assert!(heard.starts_with(&format!("HTTP/1.1 {status} ")), "{heard}");
        assert!(heard.contains("Location: /b?c=%C3%A9%20f\r\n"), "{heard}");
    }
    for target in [
        "/to/300?location=/",
        "/to/304?location=/",
        "/to/200?location=/",
        "/to/302?location=/%0D%0ASet-Cookie:%20a",
        "/to/302?location=/%00",
    ] {
        check(routes, &ask(target, ""), "500 internal server error");
    }
}

#[test]
fn a_guard_that_compares_the_path_agrees_with_the_router() {
    let routes = || {
        server()
            .before(|ctx: &Context| -> Result {
                match ctx.path() == "/admin" || ctx.decoded_path() == "/a,b" {
                    true => Err(crate::Error::new(403, "no")),
                    false => Ok(()),
                }
            })
            .get("/admin", |_| "reached")
            .get("/a,b", |_| "reached")
            .get("/files/{*path}", |ctx: Context| {
                format!("{:?} {}", ctx.param_text("path"), ctx.raw_path())
            })
    };
    for path in ["/admin", "/%61dmin", "/adm%69n", "/%61%64%6D%69%6e"] {
        check(routes, &ask(path, ""), "403 no");
    }
    check(routes, &ask("/a%2Cb", ""), "403 no");
    for path in ["/%2561dmin", "/admin%2F", "/Admin"] {
        check(routes, &ask(path, ""), "404 no such path");
    }
    let raw = "200 Some(\"a/b~\") /files/%61%2Fb%7e";
    check(routes, &ask("/files/%61%2Fb%7e", ""), raw);
}

#[test]
fn a_control_byte_in_a_path_is_refused_wherever_it_leads() {
    let routes = || {
        server()
            .get("/files/{*path}", |_| "reached")
            .get("/{name}", |_| "reached")
            .fallback(|_| "fallback")
    };
    for path in [
        "/%00",
        "/a%0a",
        "/files/a%0D",
        "/files/%1f/b",
        "/%7F",
        "/none/%00/x",
    ] {
        let refused = "400 escaped control byte in the path";
        check(routes, &ask(path, ""), refused);
    }
    check(routes, &ask("/%20", ""), "200 reached");
}
