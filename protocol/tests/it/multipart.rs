//! Forms with files: each row whole, byte by byte, and cut at every offset.

use ringlane_protocol::{
    MediaType, MultipartDecoder, MultipartError, MultipartLimits, MultipartPart, PART_HEADERS_MAX,
};

/// What a form holds, in words: `name=data`, or `name:file:type=data`.
type Verdict = Result<Vec<String>, MultipartError>;

fn decoder(limits: MultipartLimits) -> MultipartDecoder {
    let kind = MediaType::parse("multipart/form-data; boundary=xyz").unwrap();
    MultipartDecoder::new(kind, limits).unwrap()
}

fn decode<'a>(limits: MultipartLimits, pieces: impl Iterator<Item = &'a [u8]>) -> Verdict {
    let mut decoder = decoder(limits);
    let mut held = Vec::new();
    let (mut parts, mut data) = (Vec::new(), Vec::new());
    for piece in pieces {
        held.extend_from_slice(piece);
        loop {
            let step = decoder.decode(&held)?;
            let is_more = match step.part {
                MultipartPart::NeedMore | MultipartPart::End => true,
                MultipartPart::Begin(head) => {
                    let file = head
                        .file_name
                        .map_or(String::new(), |file| format!(":{file}"));
                    let kind = head
                        .media_type
                        .map_or(String::new(), |kind| format!(":{kind}"));
                    parts.push(format!("{}{file}{kind}=", head.name));
                    false
                }
                MultipartPart::Data(bytes) => {
                    assert!(!bytes.is_empty() && bytes.len() == step.consumed);
                    data.extend_from_slice(bytes);
                    false
                }
                MultipartPart::PartEnd => {
                    let part = parts.last_mut().expect("a part has begun");
                    part.push_str(&String::from_utf8_lossy(&data));
                    data.clear();
                    false
                }
            };
            held.drain(..step.consumed);
            if is_more {
                break;
            }
        }
        assert!(held.len() <= 4096 + 80, "{} bytes are held", held.len());
    }
    decoder.finish()?;
    Ok(parts)
}

#[track_caller]
fn check_within(limits: MultipartLimits, input: &[u8], expected: Result<&[&str], MultipartError>) {
    let expected: Verdict =
        expected.map(|parts| parts.iter().map(|part| (*part).to_owned()).collect());
    let text = String::from_utf8_lossy(input);
    assert_eq!(decode(limits, [input].into_iter()), expected, "{text:?}");
    assert_eq!(
        decode(limits, input.chunks(1)),
        expected,
        "byte by byte: {text:?}"
    );
    for cut in 0..input.len() {
        let pieces = [&input[..cut], &input[cut..]];
        assert_eq!(
            decode(limits, pieces.into_iter()),
            expected,
            "cut at {cut}: {text:?}"
        );
    }
}

#[track_caller]
fn check(input: &str, expected: Result<&[&str], MultipartError>) {
    check_within(MultipartLimits::default(), input.as_bytes(), expected);
}

fn field(name: &str, data: &str) -> String {
    format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{data}\r\n")
}

fn file(name: &str, file: &str, data: &str) -> String {
    format!(
        "--xyz\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\n\
         Content-Type: text/plain\r\n\r\n{data}\r\n"
    )
}

#[test]
fn fields_and_files() {
    check("--xyz--", Ok(&[]));
    check("--xyz--\r\n", Ok(&[]));
    check(&(field("a", "1") + "--xyz--\r\n"), Ok(&["a=1"]));
    check(
        &(field("a", "") + &field("a", "2") + "--xyz--"),
        Ok(&["a=", "a=2"]),
    );
    let form = field("a", "1") + &file("b", "c.txt", "line\r\nline") + "--xyz--\r\n";
    check(&form, Ok(&["a=1", "b:c.txt:text/plain=line\r\nline"]));
    check(&(file("b", "", "") + "--xyz--"), Ok(&["b::text/plain="]));
    check(
        &(field("\u{e9}", "\u{20ac}") + "--xyz--"),
        Ok(&["\u{e9}=\u{20ac}"]),
    );
}

#[test]
fn data_that_looks_like_a_boundary_and_is_none() {
    for data in [
        "--xy",
        "\r\n--xy",
        "\r",
        "\r\n",
        "\r\n-",
        "\r\r\n--xy\r",
        "-",
        "--",
        "\n--xyz",
        "\r\n --xyz",
    ] {
        let form = field("a", data) + "--xyz--";
        check(&form, Ok(&[&format!("a={data}")]));
    }
}

#[test]
fn what_stands_around_a_form_is_dropped() {
    let form = field("a", "1") + "--xyz--";
    check(&format!("preamble\r\n{form}"), Ok(&["a=1"]));
    check(
        &format!("\r\n{form}\r\nepilogue\r\n--xyz\r\n"),
        Ok(&["a=1"]),
    );
    check(&form.replace("--xyz\r\n", "--xyz \t\r\n"), Ok(&["a=1"]));
    // RFC 2046 §5.1.1: a part may end with its headers.
    check(
        "--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n--xyz--",
        Ok(&["a="]),
    );
}

#[track_caller]
fn check_names(rows: &[(&str, Result<&str, MultipartError>)]) {
    for (disposition, expected) in rows {
        let form = format!("--xyz\r\nContent-Disposition: {disposition}\r\n\r\n1\r\n--xyz--");
        let parts = expected.map(|part| [part]);
        let parts = parts.as_ref().map(|parts| &parts[..]);
        check(&form, parts.map_err(|error| *error));
    }
}

#[test]
fn names() {
    check_names(&[
        ("form-data; name=a", Ok("a=1")),
        ("FORM-DATA; NAME=a", Ok("a=1")),
        (r#"form-data; name="a\"b""#, Ok("a\"b=1")),
        (r#"form-data; name=""; filename="x""#, Ok(":x=1")),
        (
            r#"form-data; name="a"; filename="../../etc/x""#,
            Ok("a:x=1"),
        ),
        (r#"form-data; name="a"; filename="C:\dir\x""#, Ok("a:x=1")),
        (r#"form-data; name="a"; filename="\\host\x""#, Ok("a:x=1")),
        ("form-data", Err(MultipartError::InvalidDisposition)),
        (
            "form-data; filename=a",
            Err(MultipartError::InvalidDisposition),
        ),
        (
            "form-data; name=a; name=b",
            Err(MultipartError::InvalidDisposition),
        ),
        (
            "attachment; name=a",
            Err(MultipartError::InvalidDisposition),
        ),
        (
            "form-data; name=\"a",
            Err(MultipartError::InvalidDisposition),
        ),
        (
            "form-data; name=a\r\nContent-Disposition: form-data; name=a",
            Err(MultipartError::InvalidDisposition),
        ),
    ]);
}

/// WHATWG HTML, "multipart/form-data encoding algorithm".
#[test]
fn names_as_browsers_write_them() {
    check_names(&[
        (r#"form-data; name="a%22b""#, Ok("a\"b=1")),
        (r#"form-data; name="a%0D%0Ab%0D""#, Ok("a\r\nb\r=1")),
        (r#"form-data; name="%0d%2522%41%""#, Ok("%0d%2522%41%=1")),
        (r#"form-data; name="a\\b""#, Ok(r"a\\b=1")),
        (r#"form-data; name="a\""#, Ok(r"a\=1")),
        (r#"form-data; name="a\"; filename="b\""#, Ok(r"a\:b\=1")),
        (r#"form-data; name="a"; filename="\%22¢""#, Ok("a:\\\"¢=1")),
        (r#"form-data; name="a"; filename="b\c""#, Ok(r"a:b\c=1")),
        (
            r#"form-data; name="a"; filename="/x%22y\z""#,
            Ok("a:x\"y\\z=1"),
        ),
        (r#"form-data; name="a\" b"; filename=c"#, Ok("a\" b:c=1")),
    ]);
}

/// RFC 8187, which RFC 7578 §4.2 forbids here.
#[test]
fn extended_names() {
    check_names(&[
        (r#"form-data; name="a"; filename*=UTF-8''x"#, Ok("a:x=1")),
        (
            r#"form-data; name="a"; filename*=utf-8'en'%C3%A9%2Fb%22"#,
            Ok("a:b\"=1"),
        ),
        (
            "form-data; name=a; filename*=ISO-8859-1''%e9",
            Ok("a:\u{e9}=1"),
        ),
        (
            "form-data; name=a; filename*=UTF-8''%ff",
            Ok("a:UTF-8''%ff=1"),
        ),
        ("form-data; name=a; filename*=x", Ok("a:x=1")),
        (
            "form-data; name=a; filename*=UTF-8''x; filename=y",
            Ok("a:y=1"),
        ),
        (
            r#"form-data; name="a\"; b"; filename=c"#,
            Err(MultipartError::InvalidDisposition),
        ),
    ]);
}

#[test]
fn what_is_refused() {
    let malformed = Err(MultipartError::InvalidHead);
    for (input, expected) in [
        ("", Err(MultipartError::Truncated)),
        ("no form", Err(MultipartError::Truncated)),
        ("--xyz", Err(MultipartError::Truncated)),
        ("--xyz-", Err(MultipartError::Truncated)),
        ("--xyz\r\n", Err(MultipartError::Truncated)),
        ("--xyz-\r\n", Err(MultipartError::InvalidDelimiter)),
        ("--xyzz\r\n", Err(MultipartError::InvalidDelimiter)),
        ("--xyz\n", Err(MultipartError::InvalidDelimiter)),
        ("--xyz --", Err(MultipartError::InvalidDelimiter)),
        (
            "--xyz\r\n\r\n\r\n\r\n",
            Err(MultipartError::InvalidDisposition),
        ),
        (
            "--xyz\r\nA: b\r\n\r\n",
            Err(MultipartError::InvalidDisposition),
        ),
        ("--xyz\r\nA: b\nC: d\r\n\r\n", malformed),
        ("--xyz\r\nA b\r\n\r\n", malformed),
        ("--xyz\r\nA: b\r\n c\r\n\r\n", malformed),
        ("--xyz\r\nA : b\r\n\r\n", malformed),
    ] {
        check(input, expected);
    }
    let head = "Content-Disposition: form-data; name=a\r\n";
    let form = |more: &str| format!("--xyz\r\n{head}{more}\r\n1\r\n--xyz--");
    check(&form("Content-Transfer-Encoding: Binary\r\n"), Ok(&["a=1"]));
    check(
        &form("Content-Transfer-Encoding: base64\r\n"),
        Err(MultipartError::UnknownEncoding),
    );
    check(
        &form("Content-Type: text/plain; charset=utf-8\r\n"),
        Ok(&["a:text/plain; charset=utf-8=1"]),
    );
    check(&form("Content-Type: nonsense\r\n"), Ok(&["a=1"]));
    check_within(
        MultipartLimits::default(),
        b"--xyz\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\n",
        malformed,
    );
    check(&field("a", "1"), Err(MultipartError::Truncated));
    check(&(field("a", "1") + "--xy"), Err(MultipartError::Truncated));
}

#[test]
fn boundaries() {
    for (kind, expected) in [
        ("multipart/form-data; boundary=x", None),
        ("Multipart/Form-Data; Boundary=\"a b'()+_,-./:=?\"", None),
        (
            "multipart/mixed; boundary=x",
            Some(MultipartError::WrongMediaType),
        ),
        ("multipart/form-data", Some(MultipartError::InvalidBoundary)),
        (
            "multipart/form-data; boundary=\"\"",
            Some(MultipartError::InvalidBoundary),
        ),
        (
            "multipart/form-data; boundary=\"a \"",
            Some(MultipartError::InvalidBoundary),
        ),
        (
            "multipart/form-data; boundary=\"a;b\"",
            Some(MultipartError::InvalidBoundary),
        ),
    ] {
        let made =
            MultipartDecoder::new(MediaType::parse(kind).unwrap(), MultipartLimits::default());
        assert_eq!(made.err(), expected, "{kind}");
    }
    for (len, is_valid) in [(70, true), (71, false)] {
        let kind = format!("multipart/form-data; boundary={}", "b".repeat(len));
        let made =
            MultipartDecoder::new(MediaType::parse(&kind).unwrap(), MultipartLimits::default());
        assert_eq!(made.is_ok(), is_valid, "{len}");
    }
}

#[test]
fn each_limit_at_its_maximum_and_one_beyond() {
    let limits = MultipartLimits::default()
        .parts_max(2)
        .field_bytes_max(3)
        .file_bytes_max(5);
    let end = "--xyz--";
    let (most, more) = (field("a", "123"), field("a", "1234"));
    check_within(
        limits,
        (most.clone() + &most + end).as_bytes(),
        Ok(&["a=123", "a=123"]),
    );
    check_within(
        limits,
        (more + end).as_bytes(),
        Err(MultipartError::FieldTooLarge),
    );
    let (full, over) = (file("b", "c", "12345"), file("b", "c", "123456"));
    check_within(
        limits,
        (full + end).as_bytes(),
        Ok(&["b:c:text/plain=12345"]),
    );
    check_within(
        limits,
        (over + end).as_bytes(),
        Err(MultipartError::FileTooLarge),
    );
    let three = most.repeat(3) + end;
    check_within(limits, three.as_bytes(), Err(MultipartError::TooManyParts));
    check_within(limits.parts_max(0), end.as_bytes(), Ok(&[]));

    let head = "Content-Disposition: form-data; name=a\r\n\r\n";
    let limits = MultipartLimits::default().part_head_bytes_max(head.len());
    let form = |head: &str| format!("--xyz\r\n{head}1\r\n--xyz--");
    check_within(limits, form(head).as_bytes(), Ok(&["a=1"]));
    let longer = head.replace("a\r\n", "ab\r\n");
    check_within(
        limits,
        form(&longer).as_bytes(),
        Err(MultipartError::HeadTooLarge),
    );

    for (count, expected) in [
        (PART_HEADERS_MAX, Ok(&["a=1"][..])),
        (PART_HEADERS_MAX + 1, Err(MultipartError::InvalidHead)),
    ] {
        let others = "A: b\r\n".repeat(count - 1);
        check(&form(&(others + head)), expected);
    }
    for (count, expected) in [
        (64, Ok(&["a=1"][..])),
        (65, Err(MultipartError::InvalidDelimiter)),
    ] {
        let padded = format!("--xyz{}\r\n", " ".repeat(count));
        check(&form(head).replace("--xyz\r\n", &padded), expected);
    }
}
