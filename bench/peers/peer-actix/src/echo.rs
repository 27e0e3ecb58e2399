//! Sends each WebSocket message back, by actix-ws.

use actix_web::{HttpRequest, HttpResponse, rt, web};
use actix_ws::Message;

/// Sends each message back.
pub(crate) async fn echo(
    request: HttpRequest,
    body: web::Payload,
) -> actix_web::Result<HttpResponse> {
    let (response, mut session, stream) = actix_ws::handle(&request, body)?;
    let mut stream = stream.max_frame_size(1 << 20);
    rt::spawn(async move {
        while let Some(Ok(message)) = stream.recv().await {
            let sent = match message {
                Message::Text(text) => session.text(text).await,
                Message::Binary(bytes) => session.binary(bytes).await,
                Message::Ping(bytes) => session.pong(&bytes).await,
                _ => break,
            };
            if sent.is_err() {
                return;
            }
        }
        // The client may be gone already.
        let _ = session.close(None).await;
    });
    Ok(response)
}
