//! Forms: each mistake has its status, names its field, and leaves the connection usable.

use super::{Talk, check, server};
use crate::{Builder, Context, Limits, MultipartLimits, Result};

#[derive(Debug, serde::Deserialize)]
struct Order {
    item: String,
    count: u8,
    #[serde(default)]
    tag: Vec<String>,
}

fn outline(order: &Order) -> String {
    format!("{} {} {:?}", order.item, order.count, order.tag)
}

async fn read_parts(ctx: Context) -> Result<String> {
    let limits = MultipartLimits::default()
        .parts_max(3)
        .field_bytes_max(4)
        .file_bytes_max(6);
    let mut form = ctx.body().multipart_within(limits)?;
    let mut heard = String::new();
    while let Some(mut part) = form.next_part().await? {
        let file = part.file_name().map(|name| format!(" ({name})"));
        let text = part.text().await?;
        assert_eq!(part.chunk().await?, None);
        let line = format!("{}{}={text};", part.name(), file.unwrap_or_default());
        heard.push_str(&line);
    }
    assert!(form.next_part().await?.is_none());
    Ok(heard)
}

fn routes() -> Builder {
    server()
        .limits(Limits::default().body_bytes_max(400))
        .post("/form", async |ctx: Context| -> Result<String> {
            Ok(outline(&ctx.body().form().await?))
        })
        .post("/json", async |ctx: Context| -> Result<String> {
            let orders: Vec<Order> = ctx.body().json().await?;
            Ok(orders.iter().map(outline).collect())
        })
        .post("/text", async |ctx: Context| ctx.body().text().await)
        .post("/parts", read_parts)
        .post("/first", async |ctx: Context| -> Result<String> {
            let mut form = ctx.body().multipart()?;
            let first = form.next_part().await?;
            Ok(first.map_or(String::new(), |part| part.name().to_owned()))
        })
        .get("/next", |_| "next")
}

/// The answer, and that the next request on the connection is answered as well.
#[track_caller]
fn post(path: &str, kind: &str, body: &str, expected: &str) {
    let length = body.len();
    let input = format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n\
         {body}GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
    );
    check(routes, &input, &format!("{expected} | 200 next"));
}

#[test]
fn forms_without_files() {
    let kind = "application/x-www-form-urlencoded; charset=UTF-8";
    for (body, expected) in [
        ("item=a+b&count=2", "200 a b 2 []"),
        (
            "count=2&tag=%C3%A9&item=&tag=y&other",
            "200  2 [\"\u{e9}\", \"y\"]",
        ),
        ("item=a", "400 form: missing field `count`"),
        ("", "400 form: missing field `item`"),
        (
            "item=a&count=x",
            "400 form field `count`: invalid digit found in string",
        ),
        (
            "item=a&count=256",
            "400 form field `count`: number too large to fit in target type",
        ),
        (
            "item=a&count=1&count=2",
            "400 form field `count`: it came more than once",
        ),
    ] {
        post("/form", kind, body, expected);
    }
    let wrong =
        "415 the body must be declared as `Content-Type: application/x-www-form-urlencoded`";
    for kind in [
        "text/plain",
        "application/json",
        "nonsense",
        "application/x-www-form-urlencoded; a",
    ] {
        post("/form", kind, "item=a&count=1", wrong);
    }
    let latin = "application/x-www-form-urlencoded; charset=latin1";
    post(
        "/form",
        latin,
        "item=a&count=1",
        "415 the body must be in UTF-8",
    );
}

#[test]
fn json_names_field_and_place() {
    for (body, expected) in [
        (r#"[{"item":"a","count":1}]"#, "200 a 1 []"),
        (
            "[\n{\"item\":\"a\",\"count\":300}]",
            "400 invalid JSON: field `[0].count`: invalid value: integer `300`, expected u8 at line 2 column 23",
        ),
        (
            r#"[{"item":"a","count":1,"tag":["b",2]}]"#,
            "400 invalid JSON: field `[0].tag[1]`: invalid type: integer `2`, expected a string at line 1 column 35",
        ),
        (
            r#"[{"item":"a"}]"#,
            "400 invalid JSON: field `[0]`: missing field `count` at line 1 column 13",
        ),
        (
            "[] x",
            "400 invalid JSON: trailing characters at line 1 column 4",
        ),
        (
            "",
            "400 invalid JSON: EOF while parsing a value at line 1 column 0",
        ),
        (
            "{}",
            "400 invalid JSON: invalid type: map, expected a sequence at line 1 column 0",
        ),
    ] {
        post("/json", "application/json", body, expected);
    }
    let deep = "[".repeat(200);
    let heard = Talk::with(routes())
        .send(format!(
            "POST /json HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 200\r\n\r\n{deep}"
        ))
        .heard();
    assert!(heard.starts_with("400 invalid JSON: "), "{heard}");
    post(
        "/json",
        "application/json; charset=utf-16",
        "[]",
        "415 the body must be in UTF-8",
    );
}

#[test]
fn text_is_utf8() {
    post("/text", "text/plain", "\u{e9}", "200 \u{e9}");
    post(
        "/text",
        "text/plain; charset=\"UTF-8\"",
        "\u{e9}",
        "200 \u{e9}",
    );
    post("/text", "text/plain; charset=us-ascii", "e", "200 e");
    post("/text", "no type", "e", "200 e");
    post(
        "/text",
        "text/plain; charset=latin1",
        "e",
        "415 the body must be in UTF-8",
    );
}

const KIND: &str = "multipart/form-data; boundary=x";

fn part(disposition: &str, data: &str) -> String {
    format!("--x\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{data}\r\n")
}

#[test]
fn forms_with_files() {
    let field = part("name=a", "1234");
    let file = part("name=f; filename=\"b.txt\"", "123456");
    let end = "--x--\r\n";
    for (body, expected) in [
        (end.to_owned(), "200"),
        (
            format!("{field}{file}{end}"),
            "200 a=1234;f (b.txt)=123456;",
        ),
        (
            format!("{field}{field}{field}{end}"),
            "200 a=1234;a=1234;a=1234;",
        ),
        (
            format!("{field}{field}{field}{field}{end}"),
            "413 the form has too many parts",
        ),
        (
            part("name=a", "12345") + end,
            "413 form field `a`: the field is too large",
        ),
        (
            part("name=f; filename=b", "1234567") + end,
            "413 form field `f`: the file is too large",
        ),
        (field.clone(), "400 form field `a`: the form was cut off"),
        (
            field.replace("\r\n1234\r\n", "\r\n12"),
            "400 form field `a`: the form was cut off",
        ),
        (String::new(), "400 the form was cut off"),
        (
            part("filename=b", "1") + end,
            "400 a part of the form has no valid name",
        ),
        (
            format!("--xx\r\n{end}"),
            "400 a boundary of the form does not end its line",
        ),
        (
            format!(
                "--x\r\nContent-Type: text/plain; charset=latin1\r\n{}{end}",
                &field[5..]
            ),
            "415 form field `a`: it must be in UTF-8",
        ),
    ] {
        post("/parts", KIND, &body, expected);
    }
    let wrong = "415 the body must be declared as `Content-Type: multipart/form-data`";
    post("/parts", "multipart/mixed; boundary=x", end, wrong);
    post("/parts", "none", end, wrong);
    post(
        "/parts",
        "multipart/form-data",
        end,
        "400 the form has no valid boundary",
    );
}

#[test]
fn a_form_as_a_whole_is_a_body_with_its_limit() {
    let around = (part("name=f", "") + "--x--\r\n").len();
    for (length, status) in [(400, "200 "), (401, "413 ")] {
        let body = part("name=f", &"x".repeat(length - around)) + "--x--\r\n";
        assert_eq!(body.len(), length);
        let head = format!(
            "POST /first HTTP/1.1\r\nHost: a\r\nContent-Type: {KIND}\r\nContent-Length: {length}\r\n\r\n"
        );
        let heard = Talk::with(routes()).send(head + &body).heard();
        assert!(heard.starts_with(status), "{length}: {heard}");
    }
}

#[test]
fn a_part_that_is_not_utf8_is_named() {
    let body = part("name=a", "#") + "--x--\r\n";
    let head = format!(
        "POST /parts HTTP/1.1\r\nHost: a\r\nContent-Type: {KIND}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut input = (head + &body).into_bytes();
    let at = input
        .iter()
        .position(|byte| *byte == b'#')
        .expect("the data");
    input[at] = 0xff;
    Talk::with(routes())
        .send(input)
        .expect("400 form field `a`: it is not valid UTF-8");
}

#[test]
fn a_large_file_flows_through_a_small_window() {
    const LENGTH: usize = 3_000_000;
    async fn measure(ctx: Context) -> Result<String> {
        let mut form = ctx.set_body_limit(1 << 30).body().multipart()?;
        let mut length = 0;
        while let Some(mut part) = form.next_part().await? {
            while let Some(chunk) = part.chunk().await? {
                assert!(
                    !chunk.is_empty() && chunk.len() <= 70_000,
                    "{}",
                    chunk.len()
                );
                length += chunk.len();
            }
        }
        Ok(length.to_string())
    }
    let data = "y\r\n--".repeat(LENGTH / 5);
    let body = part("name=f; filename=g", &data) + "--x--\r\n";
    let head = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: {KIND}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut talk = Talk::with(server().post("/", measure));
    talk.send(head + &body).expect(&format!("200 {LENGTH}"));
}
