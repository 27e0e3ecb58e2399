//! Files as clients get them, from a folder of each test's own.

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::Server;
use crate::blocking::tests::Held;
use crate::testing::{Answer, Client};

/// A folder that is removed with everything in it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ringlane-files-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn with(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        // To the second, so that dates tell exactly.
        let time = UNIX_EPOCH + Duration::from_secs(784_111_777);
        File::options()
            .append(true)
            .open(path)
            .unwrap()
            .set_modified(time)
            .unwrap();
        self
    }

    fn client(&self) -> Client {
        let root = self.0.clone();
        let server = Server::builder().any("/{*rest}", move |ctx: Context| {
            let root = root.clone();
            async move {
                let name = ctx.param_text("rest").unwrap_or_default().to_owned();
                ctx.file_within(root, name).await
            }
        });
        Client::new(server.build().unwrap()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0); // what is left lies in the system's folder for that
    }
}

const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

fn get(client: &mut Client, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = client.get(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    request.send().unwrap()
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

#[test]
fn files_are_sent_with_what_is_known_of_them() {
    let folder = Folder::new()
        .with("a.html", "<p>\u{e9}")
        .with("b.PNG", "png")
        .with("c", "")
        .with("d.unheard-of", "?");
    let mut client = folder.client();
    for (path, kind, length) in [
        ("/a.html", "text/html; charset=utf-8", "5"),
        ("/b.PNG", "image/png", "3"),
        ("/c", "application/octet-stream", "0"),
        ("/d.unheard-of", "application/octet-stream", "1"),
    ] {
        let answer = get(&mut client, path, &[]);
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.header("content-type"), Some(kind), "{path}");
        assert_eq!(answer.header("content-length"), Some(length), "{path}");
        assert_eq!(answer.header("last-modified"), Some(DATE), "{path}");
        assert_eq!(answer.header("accept-ranges"), Some("bytes"), "{path}");
        let head = client.request(Method::HEAD, path).send().unwrap();
        assert!(head.bytes().is_empty());
        for name in ["content-type", "content-length", "etag", "last-modified"] {
            assert_eq!(head.header(name), answer.header(name), "{path} {name}");
        }
    }
}

#[test]
fn hidden_files_are_not_there_unless_they_are_asked_for() -> Result {
    let folder = Folder::new().with(".env", "secret").with("a.b.", "shown");
    for hidden in [".git", ".git/sub", "open"] {
        fs::create_dir(folder.0.join(hidden))?;
    }
    for name in [".git/config", ".git/sub/x", "open/.x", "..x"] {
        fs::write(folder.0.join(name), "secret")?;
    }
    let mut client = folder.client();
    let root = folder.0.clone();
    let all = Server::builder().get("/{*rest}", move |ctx: Context| {
        let root = root.clone();
        async move {
            let name = ctx.param_text("rest").unwrap_or_default();
            ctx.any_file_within(root, name).await
        }
    });
    let mut all = Client::new(all.build()?)?;
    let missing = get(&mut client, "/none", &[]);
    for path in [
        "/.env",
        "/%2eenv",
        "/%2Fopen%2F.x",
        "/.git/config",
        "/.git/sub/x",
        "/open/.x",
        "/open%2F%2ex",
        "/..x",
    ] {
        let answer = get(&mut client, path, &[]);
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(
            answer.text(),
            missing.text(),
            "{path} is told from what is not there"
        );
        if !path.starts_with("/%2F") {
            assert_eq!(get(&mut all, path, &[]).text(), "secret", "{path}");
        }
    }
    assert_eq!(get(&mut client, "/a.b.", &[]).text(), "shown");
    Ok(())
}

#[test]
fn files_of_every_length_arrive_whole() {
    let piece = PIECE_BYTES_MAX as usize;
    for length in [1, piece - 1, piece, piece + 1, 3 * piece, 1_000_003] {
        let folder = Folder::new().with("f", pattern(length));
        let answer = get(&mut folder.client(), "/f", &[]);
        assert_eq!(answer.header("content-length"), Some(&*length.to_string()));
        assert!(answer.bytes() == pattern(length), "{length}");
    }
}

#[test]
fn one_range_is_sent_alone() {
    let all = pattern(200_000);
    let folder = Folder::new().with("f", &all);
    let mut client = folder.client();
    for (range, first, last) in [
        ("bytes=0-0", 0, 0),
        ("bytes=199999-", 199_999, 199_999),
        ("bytes=-3", 199_997, 199_999),
        ("bytes=10-150000", 10, 150_000),
        ("bytes=0-65535", 0, 65_535),
        ("bytes=0-65536", 0, 65_536),
        ("bytes=0-999999", 0, 199_999),
    ] {
        let answer = get(&mut client, "/f", &[("Range", range)]);
        assert_eq!(answer.status(), 206, "{range}");
        let place = format!("bytes {first}-{last}/200000");
        assert_eq!(answer.header("content-range"), Some(&*place));
        assert!(answer.bytes() == &all[first..=last], "{range}");
    }
    for range in ["bytes=0-1,5-6", "bytes=2-1", "lines=1-2", "bytes"] {
        let answer = get(&mut client, "/f", &[("Range", range)]);
        assert_eq!(
            (answer.status().as_u16(), answer.bytes().len()),
            (200, all.len()),
            "{range}"
        );
        assert_eq!(answer.header("content-range"), None);
    }
    for range in ["bytes=200000-", "bytes=-0"] {
        let answer = get(&mut client, "/f", &[("Range", range)]);
        assert_eq!(answer.status(), 416, "{range}");
        assert_eq!(answer.header("content-range"), Some("bytes */200000"));
        assert_eq!(answer.header("etag"), None);
    }
    let head = client
        .request(Method::HEAD, "/f")
        .header("Range", "bytes=0-1");
    let head = head.send().unwrap();
    assert_eq!(
        (head.status().as_u16(), head.header("content-length")),
        (200, Some("200000"))
    );
}

#[test]
fn conditions_are_heeded() {
    let folder = Folder::new().with("f", "0123456789");
    let mut client = folder.client();
    let etag = get(&mut client, "/f", &[])
        .header("etag")
        .unwrap()
        .to_owned();
    for (headers, status) in [
        (&[("If-None-Match", &*etag)][..], 304),
        (&[("If-None-Match", "\"other\"")], 200),
        (&[("If-Modified-Since", DATE)], 304),
        (&[("If-Match", "\"other\"")], 412),
        (&[("If-Match", &etag)], 200),
        (&[("Range", "bytes=0-1"), ("If-Range", &etag)], 206),
        (&[("Range", "bytes=0-1"), ("If-Range", DATE)], 206),
        (&[("Range", "bytes=0-1"), ("If-Range", "\"other\"")], 200),
        (&[("Range", "bytes=0-1"), ("If-None-Match", &etag)], 304),
        (&[("Range", "bytes=99-"), ("If-Range", "\"other\"")], 200),
    ] {
        let answer = get(&mut client, "/f", headers);
        assert_eq!(answer.status(), status, "{headers:?}");
        if status == 304 {
            assert_eq!(answer.header("etag"), Some(&*etag));
            assert!(answer.bytes().is_empty());
        }
    }
    // Conditions are for what reads.
    let answer = client
        .post("/f")
        .header("If-None-Match", &*etag)
        .send()
        .unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.text()),
        (200, "0123456789")
    );
}

#[test]
fn nothing_outside_of_the_root_is_opened() {
    let outside = Folder::new().with("secret", "secret");
    let folder = Folder::new().with("f", "f");
    let root = &folder.0;
    fs::create_dir(root.join("sub")).unwrap();
    std::os::unix::fs::symlink("../f", root.join("sub/inside")).unwrap();
    std::os::unix::fs::symlink(&outside.0, root.join("out")).unwrap();
    std::os::unix::fs::symlink(outside.0.join("secret"), root.join("secret")).unwrap();
    std::os::unix::fs::symlink("loop", root.join("loop")).unwrap();
    let mut client = folder.client();
    let escape = format!("/%2F{}/secret", outside.0.display());
    for (path, expected) in [
        ("/f", 200),
        ("/sub/inside", 200),
        ("/sub/../f", 404),
        ("/%2E%2E/f", 404),
        ("/sub%2F..%2Ff", 404),
        ("/out/secret", 404),
        ("/secret", 404),
        ("/loop", 404),
        ("/sub", 404),
        ("/", 404),
        ("/f/", 404),
        ("/f/g", 404),
        ("/none", 404),
        ("/f%00", 400), // the router's word, before any file is looked for
        (&*escape, 404),
    ] {
        assert_eq!(get(&mut client, path, &[]).status(), expected, "{path}");
    }
    // Without the kernel's help no link is followed.
    let open = |name: &str| {
        let flags = rustix::fs::OFlags::PATH | rustix::fs::OFlags::DIRECTORY;
        let root = rustix::fs::open(root, flags, rustix::fs::Mode::empty()).unwrap();
        open::walk(root, Path::new(name)).is_ok()
    };
    assert!(open("f") && open("./f") && !open("f/g"));
    assert!(!open("out/secret") && !open("secret") && !open("sub/inside"));
    let name = "a".repeat(5000);
    assert_eq!(get(&mut client, &format!("/{name}"), &[]).status(), 404);
}

#[test]
fn what_is_no_regular_file_is_not_waited_for() {
    let folder = Folder::new();
    let pipe = folder.0.join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
    assert_eq!(get(&mut folder.client(), "/pipe", &[]).status(), 404);
}

#[test]
fn what_a_handler_has_set_stays() {
    let folder = Folder::new().with("f.txt", "0123");
    let path = folder.0.join("f.txt");
    let server = Server::builder().get("/", move |ctx: Context| {
        let path = path.clone();
        async move {
            ctx.set_status(404).set_content_type("text/x-own");
            ctx.attachment("a/\"b\"\r\n.txt").file(path).await
        }
    });
    let mut client = Client::new(server.build().unwrap()).unwrap();
    let answer = get(&mut client, "/", &[("Range", "bytes=0-1")]);
    assert_eq!((answer.status().as_u16(), answer.text()), (404, "0123"));
    assert_eq!(answer.header("content-type"), Some("text/x-own"));
    assert_eq!(
        answer.header("content-disposition"),
        Some("attachment; filename=\"_b___.txt\"; filename*=UTF-8''%22b%22%0D%0A.txt")
    );
}

/// Handlers that keep all their threads keep no download.
#[test]
fn a_download_waits_for_no_handler() {
    let folder = Folder::new().with("long", vec![b'x'; 1_000_000]);
    let held = Held::begin(crate::BLOCKING_THREADS_MAX + 8);
    let answer = get(&mut folder.client(), "/long", &[]);
    assert_eq!(
        (answer.status().as_u16(), answer.bytes().len()),
        (200, 1_000_000)
    );
    assert!(held.is_held());
}

/// A file that is not opened yet is refused if too many wait; one that is being sent is not cut.
#[test]
fn a_full_queue_cuts_no_answer_that_has_begun() {
    let folder = Folder::new().with("long", "0123456789");
    let file = Arc::new(File::open(folder.0.join("long")).unwrap());
    let mut client = folder.client();
    let held = Held::files(crate::FILE_QUEUE_MAX);
    assert_eq!(get(&mut client, "/long", &[]).status(), 503);
    let read = Rc::new(RefCell::new(None));
    let theirs = Rc::clone(&read);
    let reading = client.spawn(async move {
        let bytes = read_on(&file, 2, 3).await.unwrap();
        *theirs.borrow_mut() = Some(bytes);
    });
    client.run(Duration::from_millis(100)).unwrap();
    assert!(!reading.is_finished(), "there is no thread and no place");
    held.release();
    while !reading.is_finished() {
        client.run(Duration::from_millis(10)).unwrap();
    }
    assert_eq!(read.take().unwrap(), "234");
}
