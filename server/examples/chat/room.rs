//! The chat's one room: who comes is welcomed and announced, what is said reaches everyone.
//!
//! Always true here:
//! - No name and no word of a user's can become markup in a page.
//! - What is no message is ignored.
//!
//! Not here: who a user is. A real chat puts a layer before the route that knows.

use std::sync::LazyLock;
use std::time::SystemTime;

use ringlane::websocket::{Broadcast, CloseReason, Handler, Message, Socket};
use ringlane::{Builder, Context, Result};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Longest text of a message, in characters as they were typed.
const CONTENT_CHARS_MAX: usize = 1000;
/// Longest name.
const NAME_CHARS_MAX: usize = 64;

const PAGE: &str = include_str!("page.html");

static ROOM: LazyLock<Broadcast<ChatMessage>> = LazyLock::new(Broadcast::new);

/// What everyone in the room gets.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct ChatMessage {
    id: String,
    user_id: String,
    username: String,
    content: String,
    /// Seconds since 1970.
    timestamp: u64,
    message_type: MessageType,
}

/// What a message's content is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
enum MessageType {
    Text,
    /// The address of one.
    Image,
    /// The address of one.
    File,
    /// From the server itself.
    System,
}

/// What a client sends. It may say more, which is ignored: who it is, the server knows.
#[derive(Deserialize)]
struct Said {
    username: String,
    content: String,
    message_type: MessageType,
}

/// The page at `/chat`, and the room at `/chat/ws`.
pub(crate) fn routes(server: Builder) -> Builder {
    server
        .get("/chat", |ctx: Context| ctx.html(PAGE))
        .websocket("/chat/ws", Room)
}

struct Room;

impl Handler for Room {
    /// The user's id.
    type State = String;

    fn on_open(&self, ctx: &Context, socket: &Socket) -> Result<String> {
        let user_id = user_id(ctx);
        ROOM.send(notice(format!("User {user_id} joined the chat")));
        socket.send_json(&notice(format!("Welcome, {user_id}")))?;
        socket.follow(&ROOM)?;
        Ok(user_id)
    }

    fn on_message(&self, user_id: &mut String, _: &Socket, message: Message<'_>) {
        let Ok(said) = message.json::<Said>() else {
            return;
        };
        ROOM.send(ChatMessage {
            id: message_id(),
            user_id: user_id.clone(),
            username: sanitised(&said.username, NAME_CHARS_MAX),
            content: sanitised(&said.content, CONTENT_CHARS_MAX),
            timestamp: unix_seconds(),
            message_type: match said.message_type {
                MessageType::System => MessageType::Text, // nobody speaks for the server
                other => other,
            },
        });
    }

    fn on_close(&self, user_id: String, _: &Socket, _: CloseReason) {
        ROOM.send(notice(format!("User {user_id} left the chat")));
    }
}

fn notice(content: String) -> ChatMessage {
    ChatMessage {
        id: message_id(),
        user_id: "system".to_owned(),
        username: "System".to_owned(),
        content,
        timestamp: unix_seconds(),
        message_type: MessageType::System,
    }
}

/// Who the client says it is; else a number that nobody has.
fn user_id(ctx: &Context) -> String {
    match ctx.header("X-User-ID").filter(|id| !id.is_empty()) {
        Some(id) => sanitised(id, NAME_CHARS_MAX),
        None => format!("anonymous_{:08}", Uuid::new_v4().as_u128() % 100_000_000),
    }
}

fn message_id() -> String {
    Uuid::new_v4().to_string()
}

fn unix_seconds() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |time| time.as_secs())
}

/// At most so many characters of a text, fit to stand in a page. Each character is replaced once,
/// and none is cut in two.
fn sanitised(text: &str, chars_max: usize) -> String {
    let mut safe = String::with_capacity(text.len().min(chars_max));
    for letter in text.chars().take(chars_max) {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ringlane::Server;
    use ringlane::testing::{Client, Received, WebSocket};

    use super::*;

    struct Chat(Client);

    impl Chat {
        fn join(&mut self, user_id: Option<&str>) -> WebSocket {
            let mut request = self.0.get("/chat/ws");
            if let Some(id) = user_id {
                request = request.header("X-User-ID", id);
            }
            request.websocket().expect("a socket")
        }

        fn hear(&mut self, socket: &mut WebSocket) -> Vec<ChatMessage> {
            self.0.run(Duration::ZERO).expect("the core runs");
            let messages = socket.read().into_iter().map(|received| match received {
                Received::Message(message) => message.json().expect("a message of the chat"),
                other => panic!("{other:?}"),
            });
            messages.collect()
        }
    }

    fn contents(messages: &[ChatMessage]) -> Vec<&str> {
        messages.iter().map(|one| one.content.as_str()).collect()
    }

    #[test]
    fn one_visit_from_welcome_to_leave() {
        let server = routes(Server::builder()).build().expect("valid");
        let mut chat = Chat(Client::new(server).expect("a core"));
        let mut ann = chat.join(Some("<ann>"));
        let welcome = chat.hear(&mut ann);
        assert_eq!(contents(&welcome), ["Welcome, &lt;ann&gt;"]);
        assert_eq!(welcome[0].message_type, MessageType::System);
        assert_eq!(welcome[0].user_id, "system");
        let mut other = chat.join(None);
        let notices = chat.hear(&mut ann);
        let id = notices[0].content.strip_prefix("User anonymous_");
        let id = id.and_then(|rest| rest.strip_suffix(" joined the chat"));
        let digits = id.expect("a number as a name");
        assert!(digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit()));
        assert_eq!(chat.hear(&mut other).len(), 1, "a welcome");

        other.send("{ this is no JSON");
        other.send(r#"{"username":"Bob"}"#);
        other.send(
            r#"{"id":"forged","user_id":"root","username":"B<b>","content":"a < b & \"c\"",
                "timestamp":0,"message_type":"Image"}"#,
        );
        other.send(r#"{"username":"","content":"I am the server","message_type":"System"}"#);
        for socket in [&mut ann, &mut other] {
            let said = chat.hear(socket);
            let texts = ["a &lt; b &amp; &quot;c&quot;", "I am the server"];
            assert_eq!(contents(&said), texts);
            assert_eq!(said[0].username, "B&lt;b&gt;");
            assert_eq!(said[0].user_id, format!("anonymous_{digits}"));
            assert_eq!(said[0].message_type, MessageType::Image);
            assert_eq!(said[1].message_type, MessageType::Text);
            let id = Uuid::parse_str(&said[0].id).expect("an id");
            assert_eq!(id.get_version_num(), 4);
            assert_ne!(said[0].id, said[1].id);
        }
        drop(other);
        let notices = chat.hear(&mut ann);
        assert!(notices[0].content.ends_with(" left the chat"));
        let page = chat.0.get("/chat").send().expect("an answer");
        assert!(page.text().contains("/chat/ws"));
    }

    #[test]
    fn text_is_cut_before_it_is_made_safe() {
        let text = "<".repeat(CONTENT_CHARS_MAX + 1);
        let safe = sanitised(&text, CONTENT_CHARS_MAX);
        assert_eq!(safe, "&lt;".repeat(CONTENT_CHARS_MAX));
        assert_eq!(sanitised("&lt;", 10), "&amp;lt;");
        assert_eq!(sanitised("héllo", 2), "hé");
    }
}
