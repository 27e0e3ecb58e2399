//! Runs the example `article` as a process, with a client that keeps its connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// More than anything here takes on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// What tokens of the tests are signed with.
pub(super) const SECRET: &str = "a secret of the tests, long enough for a hash";

/// A running example. Dropping it ends it.
pub(super) struct Article {
    child: Child,
    pub(super) address: SocketAddr,
    output: Arc<Mutex<String>>,
    log: Arc<Mutex<String>>,
    _config: Config,
}

/// A file with a configuration, removed in the end.
struct Config(PathBuf);

impl Config {
    fn write(config: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ringlane-article-{}-{count}.json", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, config).expect("the configuration is written");
        Self(path)
    }
}

impl Drop for Config {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0); // a file too many does no harm
    }
}

fn command(config: &Config) -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let build = || crate::demo::example("article");
    let mut command = Command::new(PROGRAM.get_or_init(build));
    command.arg(&config.0);
    command
}

/// What the example says that cannot start with this configuration.
#[track_caller]
pub(super) fn refusal(config: &str) -> String {
    let Output { status, stderr, .. } = command(&Config::write(config)).output().expect("started");
    let said = String::from_utf8_lossy(&stderr).into_owned();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

impl Article {
    /// With defaults, but two workers, a free port of this machine alone, and the tests' secret.
    pub(super) fn start() -> Self {
        Self::with(json!({}))
    }

    /// Likewise, and with these settings.
    pub(super) fn with(settings: Value) -> Self {
        let mut config = json!({
            "server_host": "127.0.0.1",
            "server_port": 0,
            "workers": 2.min(cores()),
            "jwt_secret": SECRET,
        });
        let settings = settings.as_object().expect("settings have names");
        for (name, value) in settings {
            config[name] = value.clone();
        }
        Self::with_file(&config.to_string())
    }

    /// With a configuration as it is.
    pub(super) fn with_file(config: &str) -> Self {
        let config = Config::write(config);
        let mut child = command(&config)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let output = collect(child.stdout.take().expect("piped"));
        let log = collect(child.stderr.take().expect("piped"));
        let line = wait_for(&output, "\n").unwrap_or_else(|said| {
            let _ = child.kill();
            panic!("no address: {said}, {}", read(&log));
        });
        let address = line.lines().next().and_then(|line| {
            let address = line.strip_prefix("listening on http://")?;
            address.parse().ok()
        });
        Self {
            child,
            address: address.expect("the line that says the address"),
            output,
            log,
            _config: config,
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    #[track_caller]
    pub(super) fn get(&self, target: &str) -> Answer {
        self.send("GET", target, &[], "")
    }

    /// One request on a connection of its own.
    #[track_caller]
    pub(super) fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        self.connect().send(method, target, headers, body)
    }

    /// Waits until the log holds a text, and gives all of it.
    #[track_caller]
    pub(super) fn log_with(&self, text: &str) -> String {
        wait_for(&self.log, text).unwrap_or_else(|log| panic!("no `{text}` in the log: {log}"))
    }

    /// The same with what it says to whoever started it.
    #[track_caller]
    pub(super) fn output_with(&self, text: &str) -> String {
        wait_for(&self.output, text).unwrap_or_else(|said| panic!("no `{text}`: {said}"))
    }
}

impl Drop for Article {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended already
        let _ = self.child.wait();
    }
}

pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Reads to the end, on a thread: the process never waits for us.
fn collect(stream: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let all = Arc::new(Mutex::new(String::new()));
    let theirs = Arc::clone(&all);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut all = theirs.lock().unwrap_or_else(PoisonError::into_inner);
            all.push_str(&line);
            all.push('\n');
        }
    });
    all
}

fn read(text: &Mutex<String>) -> String {
    let text = text.lock();
    text.unwrap_or_else(PoisonError::into_inner).clone()
}

fn wait_for(text: &Mutex<String>, part: &str) -> Result<String, String> {
    let mut last = String::new();
    let came = eventually(|| {
        last = read(text);
        last.contains(part)
    });
    if came { Ok(last) } else { Err(last) }
}

/// Whether something becomes true in time.
pub(super) fn eventually(mut is_so: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if is_so() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

/// A connection, kept from request to request.
pub(super) struct Client {
    pub(super) stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    pub(super) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self {
            stream,
            received: Vec::new(),
        }
    }

    #[track_caller]
    pub(super) fn send(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        self.write(&request(method, target, headers, body));
        self.answer(method)
    }

    #[track_caller]
    pub(super) fn get(&mut self, target: &str) -> Answer {
        self.send("GET", target, &[], "")
    }

    #[track_caller]
    pub(super) fn write(&mut self, bytes: &str) {
        self.stream.write_all(bytes.as_bytes()).expect("sent");
    }

    /// The next answer, to a request of a method.
    #[track_caller]
    pub(super) fn answer(&mut self, method: &str) -> Answer {
        loop {
            if let Some((answer, bytes)) = Answer::parse(&self.received, method) {
                self.received.drain(..bytes);
                return answer;
            }
            let mut piece = [0; 16 * 1024];
            let count = self.stream.read(&mut piece).expect("an answer in time");
            let so_far = String::from_utf8_lossy(&self.received);
            assert!(count > 0, "the connection has ended: {so_far}");
            self.received.extend_from_slice(&piece[..count]);
        }
    }

    /// What comes until the server closes the connection.
    #[track_caller]
    pub(super) fn rest(mut self) -> Vec<u8> {
        let ended = self.stream.read_to_end(&mut self.received);
        ended.expect("the connection ends in time");
        self.received
    }
}

pub(super) fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut request = format!("{method} {target} HTTP/1.1\r\nHost: article.test\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    request + "\r\n" + body
}

/// An answer, whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The answer at the beginning of `bytes`, if all of it is there, and its length.
    fn parse(bytes: &[u8], method: &str) -> Option<(Self, usize)> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut headers);
        let parsed = head.parse(bytes).expect("an answer is well-formed");
        let httparse::Status::Complete(begin) = parsed else {
            return None;
        };
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = head.headers.iter();
        let mut answer = Self {
            status: head.code.expect("a whole head has a status"),
            headers: headers
                .map(|header| (header.name.to_ascii_lowercase(), text(header.value)))
                .collect(),
            body: Vec::new(),
        };
        let has_body = method != "HEAD" && ![204, 304].contains(&answer.status);
        let count = answer.header("content-length").filter(|_| has_body);
        let count: usize = count.map_or(0, |count| count.parse().expect("a length is a number"));
        answer.body = bytes.get(begin..begin + count)?.to_vec();
        Some((answer, begin + count))
    }

    /// The first value of a header, by its name in small letters.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |(known, _)| known == name);
        named.map(|(_, value)| value.as_str())
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(super) fn json(&self) -> Value {
        assert_eq!(
            self.header("content-type"),
            Some("application/json"),
            "{self:?}"
        );
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header that is a number.
    #[track_caller]
    pub(super) fn number(&self, name: &str) -> f64 {
        let text = self
            .header(name)
            .unwrap_or_else(|| panic!("no {name}: {self:?}"));
        text.parse().unwrap_or_else(|_| panic!("{name}: {text}"))
    }

    /// Checks an error: its status, its title and its code, and that it says something.
    #[track_caller]
    pub(super) fn check_error(&self, status: u16, title: &str, code: &str) {
        assert_eq!(self.status, status, "{self:?}");
        let body = self.json();
        assert_eq!(
            (&body["error"], &body["code"]),
            (&json!(title), &json!(code)),
            "{body}"
        );
        assert!(
            body["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{body}"
        );
    }
}
